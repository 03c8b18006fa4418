# SPDX-License-Identifier: Apache-2.0
"""No bias has codes beyond the bits that it may have."""

import numpy as np
import pytest

from intaglio.compiler.real.editing import Names, constant
from intaglio.compiler.real.linear import read_linear, write_bias
from intaglio.compiler.real.quantization.limit_biases import limit_biases
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import QuantizationPlan, operand, plan_quantization
from intaglio.compiler.real.ranges.ranges import Range
from tests.compiler.real.building import parse, random

MODEL = parse(
    "(float[N, 3] x) => (float[N, 2] y) { y = Gemm (x, w, b) }",
    w=random(0, 3, 2),
    b=np.array([90.0, 0.03], np.float32),
)
OPTIONS = QuantizationOptions(bias_bits=12)
PLAN = plan_quantization(MODEL, {"x": Range(-1.0, 1.0), "y": Range(-99.0, 99.0)}, OPTIONS)


def test_a_bias_that_was_moved_past_the_end_comes_back() -> None:
    moved = MODEL.clone()
    node = moved.graph.node(0)
    write_bias(moved.graph, Names(moved.graph), node, np.array([99.0, 0.04]))
    outcome = limit_biases(moved, PLAN, 12)
    bias = constant(outcome.model.graph.node(0).inputs[2])
    assert bias is not None
    assert bias[1] == np.float32(0.04)
    codes = PLAN.constants[operand(node, 2)].quantize(bias.astype(np.float64))
    assert codes[0] == 2**11 - 1
    (note,) = outcome.notes
    assert note.figures["channels"] == 1
    assert note.figures["largest"] == pytest.approx(99.0 - float(bias[0]))
    assert outcome.summary == "1 biases cut off at 12 bits"
    before = read_linear(node)
    assert before is not None
    assert before.bias[0] == 99.0


def test_what_fits_stays() -> None:
    for bits, plan in ((12, PLAN), (32, PLAN), (12, QuantizationPlan({}, {}))):
        outcome = limit_biases(MODEL, plan, bits)
        assert outcome.channels == 0
        assert constant(outcome.model.graph.node(0).inputs[2]) == pytest.approx([90.0, 0.03])
