# SPDX-License-Identifier: Apache-2.0
"""Learned rounding: the codes are stored as learned, and layers compute what they did before."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.editing import float_constant
from intaglio.compiler.real.layer_by_layer.walk_in_float import UNQUANTIZED
from intaglio.compiler.real.onnx_runtime import Feeds, check, to_proto
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import Operand, QuantizationPlan, plan_weights
from intaglio.compiler.real.roles import weight_input
from intaglio.compiler.real.rounding.learn_rounding import (
    LearnedRounding,
    RoundingOptions,
    learn_rounding,
)
from intaglio.errors import InvalidData, InvalidOption
from tests.compiler.real.building import Array, initializer, parse, random, random_feeds, run
from tests.compiler.real.quantizing import quantize
from tests.compiler.real.walking import CONSTANTS, LAYERS, TEXT, means

W3A8 = QuantizationOptions(weight_bits=3)
ENCODINGS = {
    "per channel": W3A8,
    "per tensor": replace(W3A8, per_channel=False),
    "affine": replace(W3A8, symmetric_weights=False),
    "affine per tensor": replace(W3A8, symmetric_weights=False, per_channel=False),
    "powers of two": replace(W3A8, power_of_two_scales=True),
    "two bits": replace(W3A8, weight_bits=2),
    "sixteen bits": replace(W3A8, weight_bits=16, activation_bits=16),
}


def batches(model: ir.Model, count: int = 8) -> list[Feeds]:
    return [random_feeds(model, seed, 8) for seed in range(count)]


def distance(model: ir.Model, quantized: ir.Model, seeds: Sequence[int] = range(8)) -> float:
    """The mean squared difference of the outputs, each relative to its variance."""
    total = 0.0
    for seed in seeds:
        feeds = random_feeds(model, seed, 8)
        expected, found = run(model, feeds), run(quantized, feeds, optimize=False)
        for name, array in expected.items():
            total += float(np.square(array - found[name]).mean() / array.var())
    return total


def assert_stored_as_learned(learned: LearnedRounding) -> ir.Model:
    """Every weight lies on its codes, and the file holds these codes; returns the file."""
    model, plan = learned.outcome.model, learned.plan
    file = insert_quantization(model, plan)
    check(to_proto(file), shapes=True)
    for node in model.graph:
        found = weight_input(node)
        if found is None:
            continue
        index, value = found
        weight, parameters = float_constant(value), plan.constants[Operand(_name(node), index)]
        assert weight is not None
        codes = parameters.quantize(weight)
        assert (parameters.dequantize(codes).astype(np.float32) == weight).all()
        assert (initializer(file, f"{value.name}_quantized").astype(np.int64) == codes).all()
    return file


def _name(node: ir.Node) -> str:
    return node.outputs[0].name or ""


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_residual_net_in_every_encoding(name: str) -> None:
    result = quantize(TEXT, ENCODINGS[name], **CONSTANTS)
    model, plan = result.normalized, result.plan
    data = batches(model)
    learned = learn_rounding(model, plan, data)
    file = assert_stored_as_learned(learned)
    assert set(learned.plan.constants) == {*plan.constants, Operand("f", 2)}
    for note in learned.outcome.notes:
        assert note.figures["error after"] <= note.figures["error before"] * (1 + 1e-6)
    before = distance(model, insert_quantization(model, plan))
    after = distance(model, file)
    print(f"{name}: {before:.4f} -> {after:.4f}")
    assert after < (1.01 * before if name == "sixteen bits" else 0.75 * before)


def test_biases_bring_back_the_means_of_every_layer() -> None:
    result = quantize(TEXT, W3A8, **CONSTANTS)
    model, data = result.normalized, batches(result.normalized, 2)
    learned = learn_rounding(model, result.plan, data)
    wanted = means(model, UNQUANTIZED, data)
    found = means(learned.outcome.model, learned.plan, data)
    for name in LAYERS:
        step = max(learned.plan.constants[Operand(name, 2)].scales)
        assert np.abs(found[name] - wanted[name]).max() <= 0.6 * step + 1e-5


LAYER_TEXTS: dict[str, tuple[str, dict[str, Array]]] = {
    "grouped, dilated, strided": (
        "(float[N, 4, 9, 9] x) => (float[N, 6, A, B] y)"
        "{ y = Conv <group = 2, dilations = [2, 1], strides = [1, 2], pads = [1, 0, 0, 2]>"
        " (x, w, b) }",
        {"w": random(1, 6, 2, 3, 3), "b": random(2, 6)},
    ),
    "depthwise": (
        "(float[N, 4, 6, 6] x) => (float[N, 4, A, B] y)"
        "{ y = Conv <group = 4, pads = [1, 1, 1, 1]> (x, w) }",
        {"w": random(1, 4, 1, 3, 3)},
    ),
    "one axis": (
        "(float[N, 3, 20] x) => (float[N, 4, A] y) { y = Conv (x, w, b) }",
        {"w": random(1, 4, 3, 5), "b": random(2, 4)},
    ),
    "gemm": (
        "(float[N, 12] x) => (float[N, 12] y) { y = Gemm (x, w, b) }",
        {"w": random(1, 12, 12), "b": random(2, 12)},
    ),
    "gemm of transposed weights": (
        "(float[N, 12] x) => (float[N, 12] y) { y = Gemm <transB = 1> (x, w, b) }",
        {"w": random(1, 12, 12), "b": random(2, 12)},
    ),
    "product of many rows": (
        "(float[N, 7, 12] x) => (float[N, 7, 12] y) { y = MatMul (x, w) }",
        {"w": random(1, 12, 12)},
    ),
}


@pytest.mark.parametrize("name", LAYER_TEXTS)
@pytest.mark.parametrize("per_channel", [True, False])
def test_every_kind_of_layer(name: str, per_channel: bool) -> None:
    text, constants = LAYER_TEXTS[name]
    result = quantize(text, replace(W3A8, per_channel=per_channel), **constants)
    learned = learn_rounding(result.normalized, result.plan, batches(result.normalized))
    file = assert_stored_as_learned(learned)
    before = distance(result.normalized, insert_quantization(result.normalized, result.plan))
    assert learned.outcome.channels > 0
    # Independent inputs leave little to learn beside the scales.
    assert distance(result.normalized, file) < 0.98 * before
    (note,) = learned.outcome.notes
    assert note.figures["error after"] < note.figures["error before"]


def test_scales_may_stay_as_planned() -> None:
    result = quantize(TEXT, W3A8, **CONSTANTS)
    options = RoundingOptions(learn_scales=False)
    learned = learn_rounding(result.normalized, result.plan, batches(result.normalized), options)
    file = assert_stored_as_learned(learned)
    for key, parameters in result.plan.constants.items():
        if key.index == 1:
            assert learned.plan.constants[key] == parameters
    before = distance(result.normalized, insert_quantization(result.normalized, result.plan))
    assert distance(result.normalized, file) < before


def test_the_same_data_yields_the_same_network_and_the_given_one_stays() -> None:
    result = quantize(TEXT, W3A8, **CONSTANTS)
    old = to_proto(result.normalized).SerializeToString()
    feeds = batches(result.normalized, 2)
    steps: list[tuple[int, int | None]] = []
    first, second = (
        learn_rounding(
            result.normalized,
            result.plan,
            feeds,
            progress=lambda at, total: steps.append((at, total)),
        )
        for _ in range(2)
    )
    assert steps == [(at, 4) for at in range(1, 5)] * 2
    assert first.plan == second.plan
    assert to_proto(first.outcome.model) == to_proto(second.outcome.model)
    assert to_proto(result.normalized).SerializeToString() == old


def test_weights_alone() -> None:
    model = parse(TEXT, **CONSTANTS)
    plan = QuantizationPlan({}, plan_weights(model, W3A8))
    learned = learn_rounding(model, plan, batches(model))
    assert set(learned.plan.constants) == set(plan.constants)
    file = assert_stored_as_learned(learned)
    assert distance(model, file) < 0.75 * distance(model, insert_quantization(model, plan))


def test_what_cannot_be_learned_stays_and_is_named() -> None:
    text = """(float[N, 3, 6, 6] x) => (float[N, 3, A, B] y) {
        a = Conv (x, twice)
        b = Conv (a, twice)
        c = Conv (b, large)
        y = ConvTranspose (c, up)
    }"""
    result = quantize(
        text,
        W3A8,
        twice=random(1, 3, 3, 1, 1),
        large=random(2, 3, 3, 2, 2),
        up=random(3, 3, 3, 2, 2),
    )
    options = RoundingOptions(maximum_inputs=11)
    learned = learn_rounding(result.normalized, result.plan, batches(result.normalized), options)
    assert [note.said for note in learned.outcome.notes] == [
        "rounded to nearest: other nodes read its weights too",
        "rounded to nearest: other nodes read its weights too",
        "rounded to nearest: 12 inputs are more than the 11 allowed",
        "rounded to nearest: it isn't known how to learn for this kind of node",
    ]
    assert learned.plan == result.plan
    assert learned.outcome.channels == 0
    assert to_proto(learned.outcome.model) == to_proto(result.normalized)


def test_a_constant_on_the_left_stays() -> None:
    text = "(float[N, 3, 4] x) => (float[N, 5, 4] y) { y = MatMul (w, x) }"
    result = quantize(text, W3A8, w=random(1, 5, 3))
    learned = learn_rounding(result.normalized, result.plan, batches(result.normalized))
    (note,) = learned.outcome.notes
    assert note.said == "rounded to nearest: its constant is no matrix on the right"
    assert learned.plan == result.plan


def test_a_layer_that_reads_nothing_keeps_the_nearest_codes() -> None:
    text = """(float[N, 4] x) => (float[N, 3] y) {
        zero = Mul (x, nothing)
        y = Gemm (zero, w, b)
    }"""
    result = quantize(
        text, W3A8, nothing=np.zeros(4, np.float32), w=random(1, 4, 3), b=random(2, 3)
    )
    learned = learn_rounding(result.normalized, result.plan, batches(result.normalized))
    assert_stored_as_learned(learned)
    assert learned.outcome.channels == 0


def test_later_layers_make_up_for_earlier_ones() -> None:
    # The first layer's two outputs are equal but for the sign; a coarse code of either is all
    # that the second layer reads, and it can stretch what was shrunk.
    text = """(float[N, 6] x) => (float[N, 4] y) {
        a = Gemm (x, w1, b1)
        r = Relu (a)
        y = Gemm (r, w2, b2)
    }"""
    constants = {
        "w1": random(1, 6, 6),
        "b1": random(2, 6),
        "w2": random(3, 6, 4),
        "b2": random(4, 4),
    }
    coarse_first = quantize(text, QuantizationOptions(weight_bits=2), **constants)
    fine = quantize(text, QuantizationOptions(weight_bits=8), **constants)
    key = Operand("y", 1)
    mixed = {**coarse_first.plan.constants, key: fine.plan.constants[key]}
    plan = QuantizationPlan(coarse_first.plan.activations, mixed)
    learned = learn_rounding(fine.normalized, plan, batches(fine.normalized))
    last = learned.outcome.notes[-1].figures
    assert last["error after"] < 0.85 * last["error before"]


def test_large_biases_keep_their_codes_in_range() -> None:
    text = "(float[N, 4] x) => (float[N, 2] y) { y = Gemm (x, w, b) }"
    constants = {
        "w": np.array([[1e-9, 1.0]] * 4, np.float32),
        "b": np.array([30.0, 0.5], np.float32),
    }
    result = quantize(text, W3A8, **constants)
    learned = learn_rounding(result.normalized, result.plan, batches(result.normalized))
    parameters = learned.plan.constants[Operand("y", 2)]
    bias = float_constant(learned.outcome.model.graph.node(0).inputs[2])
    assert bias is not None
    assert np.abs(parameters.quantize(bias)).max() <= 2**24
    assert bias[0] == pytest.approx(30.0, abs=1e-3)
    assert_stored_as_learned(learned)


def test_codes_are_learned_at_the_scales_that_narrow_biases_need() -> None:
    text, constants = LAYER_TEXTS["gemm"]
    narrow = replace(W3A8, bias_bits=8)
    result = quantize(text, narrow, **{**constants, "b": 40 * constants["b"]})
    assert result.plan.notes  # scales were raised
    data = batches(result.normalized)
    learned = learn_rounding(result.normalized, result.plan, data, RoundingOptions(bias_bits=8))
    file = assert_stored_as_learned(learned)
    assert np.abs(initializer(file, "b_quantized")).max() <= 127
    (note,) = learned.outcome.notes
    shown = _error_of_weights(result.normalized, learned.outcome.model, data)
    assert note.figures["error after"] == pytest.approx(shown, rel=0.1)


def _error_of_weights(model: ir.Model, learned: ir.Model, data: Sequence[Feeds]) -> float:
    wanted, found = (
        np.concatenate([run(m, dict(feeds))["y"] for feeds in data]) for m in (model, learned)
    )
    return float((wanted - found).var(axis=0).sum() / wanted.var(axis=0).sum())


def test_bad_data_and_options_are_refused() -> None:
    result = quantize(TEXT, W3A8, **CONSTANTS)
    with pytest.raises(InvalidData, match="no sample"):
        learn_rounding(result.normalized, result.plan, [])
    feeds = {"x": np.full((1, 3, 8, 8), np.nan, np.float32)}
    with pytest.raises(InvalidData, match="NaN"):
        learn_rounding(result.normalized, result.plan, [feeds])
    with pytest.raises(InvalidData, match="an array for input x"):
        learn_rounding(result.normalized, result.plan, [{"z": feeds["x"]}])
    with pytest.raises(InvalidOption, match="damping"):
        RoundingOptions(damping=0.0)
