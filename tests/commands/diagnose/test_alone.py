# SPDX-License-Identifier: Apache-2.0
"""One layer, or one activation, in codes: against the same computed by NumPy."""

import numpy as np
import pytest

from intaglio.commands.diagnose.alone import (
    activation_in_codes,
    float_node,
    run_alone,
    weights_in_codes,
)
from intaglio.commands.diagnose.quantized_network import read_quantized
from intaglio.compiler.real.onnx_runtime import check, to_proto
from intaglio.compiler.real.quantization.options import QuantizationOptions
from tests.commands.diagnose.networks import case, sqnr
from tests.compiler.real.building import Array, ops, random, run

TEXT = """(float[N, 6] x) => (float[N, 3] y) {
    a = Gemm (x, W1, b1)
    h = Relu (a)
    y = Gemm (h, W2, b2)
}"""
CONSTANTS = {"W1": random(1, 6, 7), "b1": random(2, 7), "W2": random(3, 7, 3), "b2": random(4, 3)}
FEEDS = [{"x": random(10 + index, 1, 6)} for index in range(5)]
SMALL = case(CONSTANTS, QuantizationOptions(weight_bits=4, activation_bits=5), TEXT, FEEDS)
NETWORK = read_quantized(SMALL.subject.quantized)


def by_hand(constants: dict[str, Array], feeds: dict[str, Array], hidden: bool = False) -> Array:
    weights = {name: array.astype(np.float64) for name, array in constants.items()}
    hidden_values = np.maximum(feeds["x"] @ weights["W1"] + weights["b1"], 0)
    if hidden:
        codes = next(one for one in NETWORK.activations if one.name == "h").parameters
        hidden_values = codes.dequantize(codes.quantize(hidden_values))
    result: Array = hidden_values @ weights["W2"] + weights["b2"]
    return result


def test_weights_of_one_layer_in_codes() -> None:
    reference = SMALL.subject.rewritten
    assert reference is not None
    expected = [run(reference, feeds) for feeds in FEEDS]
    for layer, names in zip(NETWORK.layers, (("W1", "b1"), ("W2", "b2")), strict=True):
        experiment = weights_in_codes(reference, layer)
        check(to_proto(experiment.model), shapes=True)
        found = run_alone(experiment, FEEDS, expected)
        coded = dict(zip(names, (operand.reals for operand in layer.operands), strict=True))
        wanted = [by_hand(CONSTANTS, feeds) for feeds in FEEDS]
        computed = [by_hand({**CONSTANTS, **coded}, feeds) for feeds in FEEDS]
        assert found.output.sqnr_db == pytest.approx(sqnr(wanted, computed), abs=1e-3)
        assert 5 < sqnr(wanted, computed) < 40


def test_the_result_of_the_last_layer_is_the_output() -> None:
    reference = SMALL.subject.rewritten
    assert reference is not None
    found = run_alone(
        weights_in_codes(reference, NETWORK.layers[1]),
        FEEDS,
        [run(reference, feeds) for feeds in FEEDS],
    )
    assert found.here == found.output


def test_the_result_of_a_layer_is_taken_before_its_clamp() -> None:
    reference = SMALL.subject.rewritten
    assert reference is not None
    layer = NETWORK.layers[0]
    weights, bias = (operand.reals for operand in layer.operands)
    found = run_alone(
        weights_in_codes(reference, layer), FEEDS, [run(reference, feeds) for feeds in FEEDS]
    )
    exact = [feeds["x"] @ CONSTANTS["W1"] + CONSTANTS["b1"] for feeds in FEEDS]
    coded = [feeds["x"] @ weights + bias for feeds in FEEDS]
    assert found.here.sqnr_db == pytest.approx(sqnr(exact, coded), abs=1e-3)


def test_one_activation_in_codes() -> None:
    reference = SMALL.subject.rewritten
    assert reference is not None
    (hidden,) = (one for one in NETWORK.activations if one.name == "h")
    experiment = activation_in_codes(reference, hidden)
    assert ops(experiment.model).count("QuantizeLinear") == 1
    found = run_alone(experiment, FEEDS, [run(reference, feeds) for feeds in FEEDS])
    wanted = [by_hand(CONSTANTS, feeds) for feeds in FEEDS]
    coded = [by_hand(CONSTANTS, feeds, hidden=True) for feeds in FEEDS]
    assert found.output.sqnr_db == pytest.approx(sqnr(wanted, coded), abs=1e-2)


@pytest.mark.parametrize("name", ["x", "y"])
def test_the_ends_of_the_network_in_codes(name: str) -> None:
    reference = SMALL.subject.rewritten
    assert reference is not None
    (end,) = (one for one in NETWORK.activations if one.name == name)
    found = run_alone(
        activation_in_codes(reference, end), FEEDS, [run(reference, feeds) for feeds in FEEDS]
    )
    exact = [
        feeds["x"].astype(np.float64) if name == "x" else by_hand(CONSTANTS, feeds)
        for feeds in FEEDS
    ]
    coded = [end.parameters.dequantize(end.parameters.quantize(array)) for array in exact]
    assert found.here.sqnr_db == pytest.approx(sqnr(exact, coded), abs=1e-2)


def test_the_networks_given_stay_as_they_are() -> None:
    reference = SMALL.subject.rewritten
    assert reference is not None
    before = to_proto(reference).SerializeToString()
    weights_in_codes(reference, NETWORK.layers[0])
    activation_in_codes(reference, NETWORK.activations[1])
    assert to_proto(reference).SerializeToString() == before


def test_a_layer_of_other_shape_is_not_the_layer() -> None:
    other = case(
        {**CONSTANTS, "W2": random(3, 7, 4), "b2": random(4, 4)},
        text=TEXT.replace("float[N, 3]", "float[N, 4]"),
        calibration=FEEDS,
    )
    first, last = NETWORK.layers
    assert float_node(other.subject.original, first) is not None
    assert float_node(other.subject.original, last) is None
