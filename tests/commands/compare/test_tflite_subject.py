# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite models in steps, and those steps in the runtimes."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.compare import (
    PeerComparison,
    Subject,
    compare_with_peer,
    open_subject,
    random_samples,
)
from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.environments import demand
from intaglio.errors import MissingPeer
from intaglio.numerics.profile import load_profile
from tests.frontends.tflite.writing import Operator, Tensor, write

WIDE, HALF = (1, 4, 8), (1, 4, 4)


def branching() -> bytes:
    """A sum, the same numbers in the same shape, two halves of them, and their product."""
    tensors = [
        Tensor(WIDE, scales=(0.25,), zero_points=(3,), name="x"),
        Tensor(WIDE, scales=(1.0,), zero_points=(7,), name="sum"),
        Tensor.plain(WIDE),
        Tensor(WIDE, scales=(1.0,), zero_points=(7,), name="same"),
        Tensor.plain(2),
        Tensor(HALF, scales=(1.0,), zero_points=(7,), name="half"),
        Tensor(HALF, scales=(1.0,), zero_points=(7,), name="half"),
        Tensor(HALF, scales=(16.0,), zero_points=(-5,), name="product"),
    ]
    operators = [
        Operator("ADD", (0, 0), (1,), "AddOptions"),
        Operator("RESHAPE", (1, 2), (3,)),
        Operator("SPLIT", (4, 3), (5, 6), "SplitOptions", {"NumSplits": 2}),
        Operator("MUL", (5, 6), (7,), "MulOptions"),
    ]
    return write(tensors, operators, [0], [7])


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    path = tmp_path / "net.tflite"
    path.write_bytes(branching())
    return open_subject(path, Peer.TFLM)


def compared(subject: Subject, peer: Peer, profile: str) -> PeerComparison:
    try:
        demand(peer)
    except MissingPeer as error:
        pytest.skip(str(error))
    return compare_with_peer(
        subject,
        peer,
        load_profile(profile),
        random_samples(subject, 10, 0),
        lambda label: nullcontext(lambda done, total: None),
    )


def test_a_step_is_an_operator_that_computes_something(subject: Subject) -> None:
    steps = [(step.op, step.operands, step.results, step.node) for step in subject.steps]
    assert steps == [
        ("ADD", ("x",), ("sum",), "operator 0"),
        ("RESHAPE", ("sum",), ("same",), "operator 1"),
        ("SPLIT", ("same",), ("half#5", "half#6"), "operator 2"),
        ("MUL", ("half#5", "half#6"), ("product",), "operator 3"),
    ]


def test_random_inputs_take_every_code(subject: Subject) -> None:
    codes = np.concatenate([run["x"].ravel() for run in random_samples(subject, 200, 0)])
    assert set(codes.tolist()) == set(range(-128, 128))


@pytest.mark.peer
@pytest.mark.parametrize("peer", [Peer.TFLM, Peer.LITERT_REF, Peer.LITERT])
def test_every_tensor_of_every_runtime(subject: Subject, peer: Peer) -> None:
    found = compared(subject, peer, peer.about.profile)
    assert found.divergences == ()
    assert (found.samples, found.tensors) == (10, 5)
    assert found.values == 10 * (32 + 32 + 16 + 16 + 16)


@pytest.mark.peer
@pytest.mark.parametrize("peer", [Peer.TFLM, Peer.LITERT])
def test_the_operator_that_rounds_otherwise(subject: Subject, peer: Peer) -> None:
    found = compared(subject, peer, "ort-x86-vnni")
    first = found.divergences[0]
    assert (first.tensor, first.op, first.node) == ("sum", "ADD", "operator 0")
    assert first.explained_by[0] == peer.about.profile
    later = [each.tensor for each in found.divergences[1:]]
    # A whole run hands the difference on; an operator on our codes has none of its own.
    assert ("half#5" in later) == (peer is Peer.TFLM)
