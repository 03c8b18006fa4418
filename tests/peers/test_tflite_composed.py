# SPDX-License-Identifier: Apache-2.0
"""Small .tflite models of several operators: every result equals the runtime's.

A layer normalization as converters write it, and weights of four bits.
"""

import numpy as np
import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Job, WholeModel, run_peer
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import MissingPeer
from intaglio.frontends.tflite import import_tflite
from intaglio.numerics.profile import load_profile
from tests.frontends.tflite.writing import Operator, OptionValue, Tensor, write
from tests.simulator.engines import assert_engines_agree

pytestmark = pytest.mark.peer

PEERS = (Peer.TFLM, Peer.LITERT_REF, Peer.LITERT)
ROWS, CHANNELS = 7, 24
Scales = tuple[float, ...]
Shape = tuple[int, ...]


def normalization(scale: float, epsilon: int) -> bytes:
    """(x - mean) * rsqrt(variance + epsilon) * gamma + beta over the last axis."""
    wide, narrow = (1, ROWS, CHANNELS), (1, ROWS, 1)
    rng = np.random.default_rng(3)
    gamma, beta = (rng.integers(-128, 128, CHANNELS).astype(np.int8).tobytes() for _ in range(2))
    variance = (60 * scale) ** 2 / 255
    deviation = 60 * scale
    tensors = [
        Tensor(wide, scales=(scale,), zero_points=(3,)),
        Tensor.plain([2]),
        Tensor(narrow, scales=(scale / 3,), zero_points=(-7,)),
        Tensor(wide, scales=(8 * variance,), zero_points=(-128,)),
        Tensor(narrow, scales=(3 * variance,), zero_points=(-128,)),
        Tensor((1,), scales=(variance / 100,), zero_points=(-128,), data=bytes([epsilon])),
        Tensor(narrow, scales=(3 * variance,), zero_points=(-128,)),
        Tensor(narrow, scales=(1 / deviation / 100,), zero_points=(-128,)),
        Tensor(wide, scales=(scale,), zero_points=(5,)),
        Tensor(wide, scales=(3 / 127,), zero_points=(1,)),
        Tensor((CHANNELS,), scales=(0.011,), zero_points=(0,), data=gamma),
        Tensor(wide, scales=(0.033,), zero_points=(-3,)),
        Tensor((CHANNELS,), scales=(0.009,), zero_points=(11,), data=beta),
        Tensor(wide, scales=(0.04,), zero_points=(9,)),
    ]
    keep = {"KeepDims": True}
    operators = [
        Operator("MEAN", (0, 1), (2,), "ReducerOptions", keep),
        Operator("SQUARED_DIFFERENCE", (0, 2), (3,), "SquaredDifferenceOptions"),
        Operator("MEAN", (3, 1), (4,), "ReducerOptions", keep),
        Operator("ADD", (4, 5), (6,), "AddOptions"),
        Operator("RSQRT", (6,), (7,)),
        Operator("SUB", (0, 2), (8,), "SubOptions"),
        Operator("MUL", (8, 7), (9,), "MulOptions"),
        Operator("MUL", (9, 10), (11,), "MulOptions"),
        Operator("ADD", (11, 12), (13,), "AddOptions"),
    ]
    results = [operator.results[0] for operator in operators]
    return write(tensors, operators, [0], results)


def four_bit_layer(kind: str, scales: Scales) -> bytes:
    """Weights of four bits, two a byte."""
    rng = np.random.default_rng(5)
    kernel, axis, outputs, x, options_type, options = _LAYERS[kind]
    codes = rng.integers(-7, 8, kernel).reshape(-1).astype(np.uint8) & 15
    packed = (codes[::2] | codes[1::2] << 4).tobytes()
    bias = rng.integers(-900, 900, outputs).astype(np.int32).tobytes()
    products = tuple(float(np.float32(0.03) * np.float32(scale)) for scale in scales)
    none = (0,) * len(scales)
    tensors = [
        Tensor(x, scales=(0.03,), zero_points=(-5,)),
        Tensor(kernel, "INT4", scales, none, axis, packed),
        Tensor((outputs,), "INT32", products, none, 0, bias),
        Tensor((*x[:-1], outputs), scales=(0.07,), zero_points=(3,)),
    ]
    operator = Operator(kind, (0, 1, 2), (3,), options_type, options)
    return write(tensors, [operator], [0], [3])


_STEPS = {"StrideW": 1, "StrideH": 1, "DilationWFactor": 1, "DilationHFactor": 1}
_PLANE = (1, ROWS, 1, CHANNELS)
_LAYERS: dict[str, tuple[Shape, int, int, Shape, str, dict[str, OptionValue]]] = {
    "FULLY_CONNECTED": ((6, CHANNELS), 0, 6, (ROWS, CHANNELS), "FullyConnectedOptions", {}),
    "CONV_2D": ((6, 1, 1, CHANNELS), 0, 6, _PLANE, "Conv2DOptions", {**_STEPS}),
    "DEPTHWISE_CONV_2D": (
        (1, 1, 1, CHANNELS),
        3,
        CHANNELS,
        _PLANE,
        "DepthwiseConv2DOptions",
        {**_STEPS, "DepthMultiplier": 1},
    ),
}


def demand_equal_results(peer: Peer, content: bytes, shape: tuple[int, ...]) -> None:
    """Every output of the model, over random codes and over extreme ones."""
    rng = np.random.default_rng(11)
    runs = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(20)]
    runs += [rng.choice([-128, 127], shape).astype(np.int8) for _ in range(10)]
    try:
        answer = run_peer(peer, [Job("model", WholeModel(content), [[run] for run in runs])])
    except MissingPeer as error:
        pytest.skip(str(error))
    graph = select_arithmetic(import_tflite(content, "model"), load_profile(peer.about.profile))
    (result,) = answer.results
    for number, codes in enumerate(runs):
        found = assert_engines_agree(graph, {graph.inputs[0].name: codes})
        for output, name in zip(result.outputs, graph.outputs, strict=True):
            np.testing.assert_array_equal(found[name], output.values[number], f"{output.name}")


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("scale", "epsilon"), [(0.02, 130), (0.0078125, 200), (0.25, 129)])
def test_a_layer_normalization(peer: Peer, scale: float, epsilon: int) -> None:
    demand_equal_results(peer, normalization(scale, epsilon), (1, ROWS, CHANNELS))


# TFLite Micro takes four bits in a fully connected layer with one scale alone.
@pytest.mark.parametrize(
    ("kind", "peer"),
    [
        (kind, peer)
        for kind in _LAYERS
        for peer in PEERS
        if (kind, peer) != ("FULLY_CONNECTED", Peer.TFLM)
    ],
)
def test_weights_of_four_bits(peer: Peer, kind: str) -> None:
    _, _, outputs, x, _, _ = _LAYERS[kind]
    scales = (0.02, 0.03, 0.04, 0.01, 0.025, 0.0125) * (outputs // 6)
    demand_equal_results(peer, four_bit_layer(kind, scales), x)


@pytest.mark.parametrize("peer", PEERS)
def test_weights_of_four_bits_with_one_scale(peer: Peer) -> None:
    demand_equal_results(peer, four_bit_layer("FULLY_CONNECTED", (0.02,)), (ROWS, CHANNELS))
