# SPDX-License-Identifier: Apache-2.0
"""What tests take for one lowering of several profiles is the lowering of each."""

from dataclasses import replace

import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import print_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import InvalidProfile, UnsupportedModel
from intaglio.numerics.profile import load_profile, profile_names
from tests.compiler.passes.select_arithmetic.alike import lowered_alike
from tests.compiler.passes.select_arithmetic.tie_corpus import corpus, uneven

# One op of each table, and what has several rules.
LABELS = (
    *("conv2d i8", "mat_mul u8", "add i8", "recurrent_add i16", "squared_difference u8"),
    *("average_pool2d 6 u8", "reduce_sum i8", "leaky-relu i8", "prelu u8", "softmax 10 i8"),
    *("requantize 0.25 u8", "clip i8", "quantize u8", "resize_linear true i8"),
)
GRAPHS = {case.label: case.graph for case in corpus(uneven) if case.label in LABELS}


@pytest.mark.parametrize("label", LABELS)
def test_every_profile_of_a_group_lowers_to_its_graph(label: str) -> None:
    groups = lowered_alike(GRAPHS[label], profile_names())
    assert sorted(name for group in groups for name in group.names) == sorted(profile_names())
    for group in groups:
        expected = text(group.lowered)
        assert all(lowering(GRAPHS[label], name) == expected for name in group.names)


def test_profiles_that_differ_are_apart() -> None:
    groups = lowered_alike(GRAPHS["conv2d i8"], ["tflm", "cmsis-nn", "tosa-double", "tosa-single"])
    assert [group.names for group in groups] == [
        ["tflm", "cmsis-nn"],
        ["tosa-double"],
        ["tosa-single"],
    ]
    groups = lowered_alike(GRAPHS["recurrent_add i16"], ["tflm", "cmsis-nn"])
    assert len(groups) == 2


def lowering(graph: Graph, name: str) -> str | None:
    try:
        return text(select_arithmetic(graph, load_profile(name)))
    except (UnsupportedModel, InvalidProfile):
        return None


def text(graph: Graph | None) -> str | None:
    """All but the profile's name."""
    return None if graph is None else print_graph(replace(graph, profile=""))
