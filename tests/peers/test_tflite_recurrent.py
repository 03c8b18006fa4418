# SPDX-License-Identifier: Apache-2.0
"""Networks that keep state, from its first value on, against the runtimes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Job, WholeModel, run_peer
from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import MissingPeer
from intaglio.frontends.tflite import import_tflite
from intaglio.numerics.profile import load_profile
from intaglio.simulator.vectorized import Program

pytestmark = [pytest.mark.peer, pytest.mark.real]

SAMPLES = 20
TFLITE = (Peer.TFLM, Peer.LITERT_REF, Peer.LITERT_REF_1_2, Peer.LITERT_OPT, Peer.LITERT)


@pytest.mark.parametrize("peer", TFLITE, ids=lambda peer: peer.value)
def test_every_step_of_an_lstm(real_data: Path, peer: Peer) -> None:
    content = (real_data / "tflite" / "tflm_trained_lstm_int8.tflite").read_bytes()
    graph = import_tflite(content, "lstm")
    samples = [
        np.random.default_rng(seed).integers(-128, 128, (1, 28, 28)).astype(np.int8)
        for seed in range(SAMPLES)
    ]
    # The LSTM's result holds the hidden state of each of its 28 steps.
    expected = _tensor(peer, content, samples, "tfl.unidirectional_sequence_lstm")
    cut = _cut(graph, "tfl.unidirectional_sequence_lstm")
    _demand_equality(cut, peer, samples, expected)


@pytest.mark.parametrize("peer", TFLITE, ids=lambda peer: peer.value)
@pytest.mark.parametrize("scale", [2.0**-9, 2.0**-4, 0.013])
def test_an_lstm_of_other_weights(real_data: Path, peer: Peer, scale: float) -> None:
    """With the larger scales gates saturate, each sum of a gate by itself too."""
    file = real_data / "tflite" / "tflm_trained_lstm_int8.tflite"
    content = _with_other_weights(file.read_bytes(), scale)
    graph = import_tflite(content, "lstm")
    samples = [
        np.random.default_rng(seed).integers(-128, 128, (1, 28, 28)).astype(np.int8)
        for seed in range(SAMPLES)
    ]
    expected = _tensor(peer, content, samples, "tfl.unidirectional_sequence_lstm")
    cut = _cut(graph, "tfl.unidirectional_sequence_lstm")
    _demand_equality(cut, peer, samples, expected)


def _with_other_weights(content: bytes, scale: float) -> bytes:
    """Every matrix of the cell drawn anew, over the whole range; the file keeps its layout."""
    rng = np.random.default_rng(7)
    changed: Any = bytearray(content)
    model: Any = tflite.Model.GetRootAs(changed)
    graph = model.Subgraphs(0)
    for operand in graph.Operators(0).InputsAsNumpy()[1:9]:
        tensor = graph.Tensors(int(operand))
        data: Array = model.Buffers(tensor.Buffer()).DataAsNumpy()
        drawn: Array = rng.integers(-127, 128, data.size).astype(np.int8)
        data[:] = drawn.view(np.uint8)
        tensor.Quantization().ScaleAsNumpy()[:] = scale * 2.0 ** rng.integers(-1, 2)
    return bytes(changed)


def test_filters_with_a_state_of_bytes(real_data: Path) -> None:
    """Seven SVDFs, one after the other; LiteRT has no kernel for their state."""
    content = (real_data / "tflite" / "tflm_keyword_scrambled_8bit.tflite").read_bytes()
    graph = import_tflite(content, "keyword")
    samples = [
        np.random.default_rng(seed).integers(-(2**15), 2**15, (1, 96)).astype(np.int16)
        for seed in range(SAMPLES)
    ]
    (softmax,) = (node for node in graph.nodes if isinstance(node.op, scaled.Softmax))
    scores = next(node for node in graph.nodes if node.name == softmax.operands[0]).source
    expected = _tensor(Peer.TFLM, content, samples, scores)
    _demand_equality(_cut(graph, scores), Peer.TFLM, samples, expected)


def _cut(graph: Graph, source: str) -> Graph:
    """The graph up to the tensor ``source``, its one output."""
    last = max(at for at, node in enumerate(graph.nodes) if node.source == source)
    return replace(
        graph,
        nodes=graph.nodes[: last + 1],
        outputs=(graph.nodes[last].name,),
        output_sources=(source,),
    )


def _tensor(peer: Peer, content: bytes, samples: Sequence[Array], source: str) -> tuple[Array, ...]:
    runs = [[sample] for sample in samples]
    try:
        answer = run_peer(peer, [Job("state", WholeModel(content), runs, every_tensor=True)])
    except MissingPeer as error:
        pytest.skip(str(error))
    named = [
        tensor
        for tensor in answer.results[0].tensors
        if source in (tensor.name, f"tensor#{tensor.index}")
    ]
    return named[0].values


def _demand_equality(
    graph: Graph, peer: Peer, samples: Sequence[Array], expected: tuple[Array, ...]
) -> None:
    """Variables begin at zero: 8-bit codes at their zero point."""
    lowered = select_arithmetic(graph, load_profile(peer.about.profile))
    first, *states = lowered.inputs
    feeds: dict[str, Array] = {}
    for value, stated in zip(states, graph.inputs[1:], strict=True):
        element = value.type.integer
        feeds[value.name] = np.full(value.type.shape, stated.type.scaled.zero_point, element.dtype)
    program = Program(lowered)
    for sample, wanted in zip(samples, expected, strict=True):
        found = program.run({first.name: sample, **feeds}, None)[lowered.outputs[0]]
        assert np.array_equal(found, wanted)
