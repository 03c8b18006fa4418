# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.biases.correct_biases import correct_biases
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.distributions.propagate_distributions import Propagated
from intaglio.compiler.real.layer_by_layer.walk_in_float import walk_in_float
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import plan_quantization
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.recipes import Choices
from intaglio.compiler.recipes.correct import correct
from tests.compiler.real.building import parse, random


def bias(outcome: Outcome) -> Reals:
    linear = read_linear(outcome.model.graph.node(0))
    assert linear is not None
    return linear.bias


def quiet(doing: str, done: int, total: int | None) -> None:
    pass


@pytest.mark.parametrize(
    ("ranges", "counted"), [("sigma", True), ("weighted-mse", True), ("min-max", False)]
)
def test_tails_count_where_the_ranges_are_of_the_distributions_that_have_them(
    ranges: str, counted: bool
) -> None:
    model = parse(
        "(float[N, 3] x) => (float[N, 2] y) { y = Gemm (x, w, b) }",
        w=random(0, 3, 2),
        b=random(1, 2),
    )
    # A third of what the distribution holds lies above the range, all on one side.
    known = {"x": ChannelDistribution.normal(np.zeros(3), np.ones(3))}
    seen = {"x": Range(-4.0, 0.5), "y": Range(-9.0, 9.0)}
    plan = plan_quantization(model, seen, QuantizationOptions())
    choices = Choices(bias_correction="calculated").changed({"ranges": ranges})
    corrected = correct(model, choices, plan, Propagated(known, {}), None, walk_in_float, quiet)
    ((_, outcome),) = corrected.outcomes
    alone = correct_biases(model, plan.constants, known)
    with_codes = correct_biases(model, plan.constants, known, activations=plan.activations)
    assert np.abs(bias(alone) - bias(with_codes)).max() > 0.05
    # Up to the float32 of the file.
    assert bias(outcome) == pytest.approx(bias(with_codes if counted else alone), abs=1e-6)
