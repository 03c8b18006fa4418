# SPDX-License-Identifier: Apache-2.0
"""Biases that come after the plan get the codes that they would have had in it."""

import pytest

from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import QuantizationPlan, operand, plan_quantization
from intaglio.compiler.real.quantization.plan_biases import bias_codes, plan_biases
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.roles import quantized_values
from tests.compiler.real.biases.test_correct_biases import LAYERS
from tests.compiler.real.building import parse, random


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("kind", LAYERS)
def test_equals_the_plan_of_the_network_with_a_bias(kind: str, per_channel: bool) -> None:
    op, shape, weight, outputs = LAYERS[kind]
    result = "N, M" if "Gemm" in op else "N, M, H, W" if shape.count(",") == 3 else "N, M, L"
    head = f"(float[{shape}] x) => (float[{result}] y)"
    bare = parse(f"{head} {{ y = {op} (x, w) }}", w=random(1, *weight))
    biased = parse(f"{head} {{ y = {op} (x, w, b) }}", w=random(1, *weight), b=random(2, outputs))
    ranges = {value.name or "": Range(-3.0, 5.0) for value in quantized_values(bare.graph)}
    options = QuantizationOptions(per_channel=per_channel)
    plan, expected = (plan_quantization(model, ranges, options) for model in (bare, biased))
    node = biased.graph.node(0)
    assert plan_biases(biased, plan).constants == expected.constants
    assert bias_codes(bare.graph.node(0), plan, outputs) == expected.constants[operand(node, 2)]
    assert plan_biases(bare, plan).constants == plan.constants
    assert plan_biases(biased, expected) == expected


def test_without_ranges_biases_stay_in_float() -> None:
    model = parse("(float[N, 3] x) => (float[N, 2] y) { y = Gemm (x, w, b) }",
                  w=random(0, 3, 2), b=random(1, 2))  # fmt: skip
    assert read_linear(model.graph.node(0)) is not None
    assert plan_biases(model, QuantizationPlan({}, {})).constants == {}
