# SPDX-License-Identifier: Apache-2.0
"""Codes found again in what ``insert_quantization`` writes, by the float network's names."""

import numpy as np
import pytest

from intaglio.commands.diagnose.quantized_network import (
    QuantizedNetwork,
    read_quantized,
    with_codes_returned,
)
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.observe import observe
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import QuantizationPlan, plan_quantization
from intaglio.compiler.real.ranges.ranges import observed_ranges
from tests.commands.diagnose.networks import CHAIN, batches, chain_constants
from tests.compiler.real.building import Array, parse

EVERY_KIND = [
    QuantizationOptions(),
    QuantizationOptions(per_channel=False),
    QuantizationOptions(weight_bits=5, activation_bits=6),
    QuantizationOptions(weight_bits=4, activation_bits=4, symmetric_weights=False),
    QuantizationOptions(activation_bits=16, signed_activations=True, symmetric_activations=True),
]


def read(
    options: QuantizationOptions, text: str = CHAIN, **constants: Array
) -> tuple[QuantizedNetwork, QuantizationPlan]:
    model = normalize(parse(text, **(constants or chain_constants())))
    ranges = observed_ranges(observe(model, batches(8)))
    plan = plan_quantization(model, ranges, options)
    return read_quantized(insert_quantization(model, plan)), plan


@pytest.mark.parametrize("options", EVERY_KIND)
def test_every_activation_is_found_with_its_codes(options: QuantizationOptions) -> None:
    network, plan = read(options)
    assert [one.name for one in network.activations] == ["x", "b", "d", "y"]
    assert [one.op for one in network.activations] == ["input", "Relu", "Relu", "Conv"]
    for one in network.activations:
        planned = plan.activations[one.name]
        assert one.parameters.scales == planned.scales
        assert one.parameters.zero_points == planned.zero_points
        found, wanted = one.parameters.encoding, planned.encoding
        assert (found.bits, found.minimum, found.maximum) == (
            wanted.bits,
            wanted.minimum,
            wanted.maximum,
        )


@pytest.mark.parametrize("options", EVERY_KIND)
def test_every_layer_is_found_with_its_constants(options: QuantizationOptions) -> None:
    network, plan = read(options)
    constants = chain_constants()
    assert [layer.output for layer in network.layers] == ["a", "c", "y"]
    assert [layer.result for layer in network.layers] == ["b", "d", "y"]
    for number, layer in enumerate(network.layers, 1):
        weights, biases = layer.operands
        assert (weights.index, biases.index) == (1, 2)
        assert weights.channel_axis == 0
        planned = next(
            p for key, p in plan.constants.items() if (key.node, key.index) == (layer.output, 1)
        )
        expected = planned.quantize(constants[f"W{number}"].astype(np.float64))
        assert np.array_equal(weights.codes, expected)
        assert np.array_equal(weights.reals, planned.dequantize(expected))
        assert weights.parameters.encoding.bits == options.weight_bits


def test_what_is_returned_and_read_keeps_its_name() -> None:
    text = """(float[N, 4, 6, 6] x) => (float[N, 8, 6, 6] b, float[N, 5, 6, 6] y) {
        b = Conv (x, W1, b1)
        y = Conv (b, W3, b3)
    }"""
    constants = {k: v for k, v in chain_constants().items() if k not in ("W2", "b2")}
    for bits in (8, 7):
        network, _ = read(QuantizationOptions(activation_bits=bits), text, **constants)
        assert [one.name for one in network.activations] == ["x", "b", "y"]
        assert [(layer.output, layer.result) for layer in network.layers] == [
            ("b", "b"),
            ("y", "y"),
        ]


def test_a_constant_that_is_added_is_a_layer_of_its_own() -> None:
    text = "(float[N, 4, 6, 6] x) => (float[N, 4, 6, 6] y) { y = Add (x, shift) }"
    network, _ = read(QuantizationOptions(), text, shift=np.array([[[[3.0]]]], np.float32))
    (layer,) = network.layers
    assert (layer.op, layer.output) == ("Add", "y")
    assert layer.operands[0].reals.item() == pytest.approx(3.0, rel=1e-2)


def test_bounds_by_channel_are_neither_layers_nor_activations() -> None:
    text = CHAIN.replace("d = Relu (c)", "r = Relu (c)\n    d = Min (r, caps)")
    caps = np.linspace(0.5, 4, 8, dtype=np.float32).reshape(1, 8, 1, 1)
    for bits in (8, 6):
        network, plan = read(
            QuantizationOptions(activation_bits=bits), text, **chain_constants(), caps=caps
        )
        assert {"r", "d"} <= set(plan.activations)
        assert [one.name for one in network.activations] == ["x", "b", "d", "y"]
        assert [(layer.output, layer.result) for layer in network.layers] == [
            ("a", "b"),
            ("c", "d"),
            ("y", "y"),
        ]


def test_what_a_bound_shares_with_another_reader_is_an_activation() -> None:
    text = """(float[N, 4, 6, 6] x) => (float[N, 4, 6, 6] y) {
        r = Relu (x)
        d = Min (r, caps)
        y = Add (r, d)
    }"""
    caps = np.full((1, 4, 1, 1), 0.5, np.float32)
    network, _ = read(QuantizationOptions(), text, caps=caps)
    assert [one.name for one in network.activations] == ["x", "r", "d", "y"]


def test_codes_are_returned_beside_the_outputs() -> None:
    network, _ = read(QuantizationOptions())
    model = with_codes_returned(network)
    assert len(model.graph.outputs) == 1 + len(network.activations)
    assert model.graph.outputs[0].name == "y"
    assert len(network.model.graph.outputs) == 1
