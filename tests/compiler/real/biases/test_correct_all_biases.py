# SPDX-License-Identifier: Apache-2.0
"""Which way of bias correction decides about which layer."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.biases.correct_all_biases import MeasuredCorrection, correct_all_biases
from intaglio.compiler.real.biases.correct_biases import correct_biases
from intaglio.compiler.real.biases.correct_biases_on_data import correct_biases_on_data
from intaglio.compiler.real.biases.find_shift import MeanMatching
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import (
    Propagated,
    propagate_distributions,
)
from intaglio.compiler.real.layer_by_layer.quantized_side import Visit
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import QuantizationPlan, plan_weights
from tests.compiler.real.building import parse, random_feeds
from tests.compiler.real.walking import CONSTANTS, TEXT, Reals

MODEL = parse(TEXT, **CONSTANTS)
PLAN = QuantizationPlan(
    {}, plan_weights(MODEL, QuantizationOptions(weight_bits=3, per_channel=False))
)
# Of what the layer c reads.
KNOWN = Propagated({"b": ChannelDistribution.normal(np.full(4, 2.0), np.ones(4))}, {})
EXACT = MeanMatching(shrink=False)
FEEDS = [random_feeds(MODEL, 1, 4)]


def biases(outcome: Outcome) -> dict[str, Reals]:
    found = {node.outputs[0].name or "": read_linear(node) for node in outcome.model.graph}
    return {name: linear.bias for name, linear in found.items() if linear is not None}


def test_by_calculation_alone() -> None:
    found = biases(correct_all_biases(MODEL, PLAN, KNOWN))
    expected = biases(correct_biases(MODEL, PLAN.constants, KNOWN.distributions))
    for name, bias in expected.items():
        assert found[name].tolist() == bias.tolist()


def test_data_decides_everywhere() -> None:
    measured = MeasuredCorrection(FEEDS, matching=EXACT)
    found = biases(correct_all_biases(MODEL, PLAN, KNOWN, measured))
    alone = biases(correct_biases_on_data(MODEL, PLAN, FEEDS, matching=EXACT))
    for name, bias in alone.items():
        assert found[name] == pytest.approx(bias, abs=1e-4)


def test_by_default_calculation_weighs_in() -> None:
    both = biases(correct_all_biases(MODEL, PLAN, KNOWN, MeasuredCorrection(FEEDS)))
    alone = biases(correct_biases_on_data(MODEL, PLAN, FEEDS))
    assert both["a"] == pytest.approx(alone["a"], abs=1e-5)  # of which nothing is known
    assert np.abs(both["c"] - alone["c"]).max() > 1e-3


def test_data_decides_where_nothing_is_known() -> None:
    measured = MeasuredCorrection(FEEDS, where_unknown=True)
    outcome = correct_all_biases(MODEL, PLAN, KNOWN, measured)
    found, calculated = biases(outcome), biases(correct_all_biases(MODEL, PLAN, KNOWN))
    assert found["c"].tolist() == calculated["c"].tolist()
    data = biases(correct_biases_on_data(MODEL, PLAN, FEEDS))
    for name in ("a", "f"):
        assert found[name] == pytest.approx(data[name], abs=1e-5)
    # The last layer reads what the calculated one yields, so it differs from either.
    assert np.abs(found["y"] - data["y"]).max() > 1e-3
    assert np.abs(found["y"] - CONSTANTS["b4"]).max() > 1e-3
    expected = "1 of 4 layers corrected by calculation, 3 of 4 layers corrected on data"
    assert outcome.summary == expected
    assert len(outcome.notes) == 4


def test_nothing_runs_where_everything_is_known() -> None:
    known = propagate_distributions(
        MODEL, {"x": ChannelDistribution.normal(np.full(3, 1.5), np.ones(3))}
    )

    def never(
        model: ir.Model, plan: QuantizationPlan, batches: Sequence[Feeds], visit: Visit
    ) -> None:
        raise AssertionError(plan)

    measured = MeasuredCorrection(FEEDS, never, where_unknown=True)
    outcome = correct_all_biases(MODEL, PLAN, known, measured)
    assert outcome.summary == "4 of 4 layers corrected by calculation"
