# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.commands.batches import batch_of, graph_feeds, graph_specs, pad_batch
from intaglio.commands.simulate import count_correct
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import InvalidData
from intaglio.numerics.integers import IntType


def graph_of(*shapes: tuple[int, ...]) -> Graph:
    builder = Builder("graph", Level.FIXED)
    element = IntType(12, signed=False)
    names = [builder.input(f"in/{n}", TensorType(element, shape)) for n, shape in enumerate(shapes)]
    kept = [
        builder.node("y", builder.type_of(name), fixed.Reshape(), [name], "y") for name in names
    ]
    return builder.finish(kept)


def test_the_data_goes_by_the_users_names_and_the_graph_by_its_own() -> None:
    graph = graph_of((3, 2))
    (spec,) = graph_specs(graph)
    assert (spec.name, spec.shape, spec.dtype) == ("in/0", (None, 2), np.dtype(np.uint16))
    feeds = graph_feeds(graph, {"in/0": np.array([[1, 2]], np.uint16)})
    assert {name: array.tolist() for name, array in feeds.items()} == {"in_0": [[1, 2]] * 3}


def test_a_batch_is_filled_with_its_last_sample() -> None:
    array = np.array([[1], [2]])
    assert pad_batch(array, 4).tolist() == [[1], [2], [2], [2]]
    assert pad_batch(array, 2) is array


def test_inputs_share_their_batch() -> None:
    assert batch_of(graph_of((4, 2), (4,))) == 4
    with pytest.raises(InvalidData, match="in_0 \\[4, 2\\], in_1 \\[3\\]"):
        batch_of(graph_of((4, 2), (3,)))
    with pytest.raises(InvalidData, match="one leading dimension"):
        batch_of(graph_of(()))


def test_classes_are_counted_over_the_samples_alone() -> None:
    scores = np.array([[0, 9, 1], [5, 5, 1], [0, 0, 3], [0, 0, 3]])
    assert count_correct(scores, np.array([1, 0, 0])) == 2  # a tie goes to the first
    assert count_correct(scores.reshape(4, 3, 1, 1), np.array([1, 1, 2, 2])) == 3
    with pytest.raises(InvalidData, match="class 3"):
        count_correct(scores, np.array([3]))
