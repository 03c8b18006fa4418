# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import Operand, plan_quantization
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.errors import InvalidOption
from tests.compiler.real.building import initializer, parse, random, random_feeds, run
from tests.compiler.real.quantizing import quantize

RESIDUAL = """(float[N,4,5,5] x) => (y) {
    a = Conv<pads=[1,1,1,1]>(x, w)
    b = Relu(a)
    s = Add(b, x)
    t = Sub(s, k)
    r = Relu(t)
    c = Concat<axis=1>(r, x)
    y = Conv(c, v) }"""
CONSTANTS = {
    "w": random(1, 4, 4, 3, 3),
    "k": 3 * random(2, 4, 1, 1),
    "v": random(3, 2, 8, 1, 1),
}
UNIFIED = QuantizationOptions(unify_scales=True)


def test_unified_scales_are_equal_at_every_addition_and_concatenation() -> None:
    plan = quantize(RESIDUAL, UNIFIED, **CONSTANTS).plan
    shared = [plan.activations[name] for name in ("x", "b", "s", "r", "c")]
    shared.append(plan.constants[Operand("t", 1)])
    assert all(parameters == shared[0] for parameters in shared)
    assert plan.activations["y"] != shared[0]
    free = quantize(RESIDUAL, **CONSTANTS).plan
    assert len({free.activations[name] for name in ("b", "s", "r")}) == 3


def test_unified_additions_are_additions_of_codes() -> None:
    result = quantize(RESIDUAL, UNIFIED, **CONSTANTS)
    model = result.model.clone()
    names = ("b_quantized", "x_quantized", "s_quantized", "r_quantized")
    values = {v.name: v for node in model.graph for v in node.outputs}
    model.graph.outputs.extend(values[name] for name in names)
    found = run(model, random_feeds(model, 3), optimize=False)
    b, x, s, r = (found[name].astype(int) for name in names)
    zero = result.plan.activations["x"].zero_points[0]
    np.testing.assert_array_equal(s, np.clip(b + x - zero, 0, 255))
    k = initializer(model, "k_quantized").astype(int)
    np.testing.assert_array_equal(r, np.clip(s - k + zero, zero, 255))
    assert 0 < zero < 255


LAYER = "(float[N,4] x) => (y) { y = Gemm(x, w, b) }"
BIAS = np.array([0.5, -0.5, 30.0, 0.0], dtype=np.float32)


@pytest.mark.parametrize("bits", [8, 16, 20, 24, 32])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("power_of_two", [False, True])
def test_bias_codes_fit_the_width_and_repairs_are_noted(
    bits: int, per_channel: bool, power_of_two: bool
) -> None:
    options = QuantizationOptions(
        per_channel=per_channel, power_of_two_scales=power_of_two, bias_bits=bits
    )
    weights = random(1, 4, 4)
    result = quantize(LAYER, options, w=weights, b=BIAS)
    codes = initializer(result.model, "b_quantized").astype(np.int64)
    largest = 2 ** (bits - 1) - 1
    assert int(np.abs(codes).max()) <= largest
    plain = quantize(LAYER, replace(options, bias_bits=32), w=weights, b=BIAS)
    free = initializer(plain.model, "b_quantized").astype(np.int64)
    key = Operand("y", 1)
    before = np.array(plain.plan.constants[key].scales)
    after = np.array(result.plan.constants[key].scales)
    assert plain.plan.notes == ()
    if int(np.abs(free).max()) <= largest:
        assert result.plan.notes == ()
        assert (after == before).all()
        return
    (note,) = result.plan.notes
    assert f"end at {largest}" in note.said
    assert note.figures["channels"] == int((after > before).sum()) >= 1
    assert note.figures["largest factor"] == (after / before).max() > 1
    # No more than it takes.
    assert int(np.abs(codes).max()) > largest * (0.49 if power_of_two else 0.99)


def test_the_note_names_the_layer_and_counts_its_channels() -> None:
    model = parse(LAYER, w=np.eye(4, dtype=np.float32), b=BIAS)
    model.graph.node(0).name = "head"
    ranges = {"x": Range(0.0, 255.0), "y": Range(0.0, 300.0)}
    plan = plan_quantization(model, ranges, QuantizationOptions(bias_bits=10))
    (note,) = plan.notes
    assert note.where == "head"
    # Data scale 1, weight scale 1/127: 30 needs 3810 of 511 codes.
    assert note.figures["channels"] == 1
    assert note.figures["largest factor"] == pytest.approx(30 * 127 / 511, rel=1e-5)


@pytest.mark.parametrize("bits", [7, 33])
def test_bias_widths_that_do_not_exist_are_refused(bits: int) -> None:
    with pytest.raises(InvalidOption, match="bias bits"):
        QuantizationOptions(bias_bits=bits)


def test_the_given_model_stays_as_it_is() -> None:
    model = parse(LAYER, w=random(1, 4, 4), b=BIAS)
    before = ir.to_proto(model).SerializeToString()
    ranges = {"x": Range(-1.0, 1.0), "y": Range(-40.0, 40.0)}
    plan_quantization(model, ranges, QuantizationOptions(bias_bits=8, unify_scales=True))
    assert ir.to_proto(model).SerializeToString() == before
