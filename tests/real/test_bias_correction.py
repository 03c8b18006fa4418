# SPDX-License-Identifier: Apache-2.0
"""What bias correction leaves of the mean errors of real networks, on data that it hasn't seen."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.commands.integer_side import IntegerSide
from intaglio.compiler.real.biases.correct_biases import correct_biases
from intaglio.compiler.real.biases.correct_biases_on_data import correct_biases_on_data
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.layer_by_layer.quantized_side import QuantizedSide
from intaglio.compiler.real.layer_by_layer.walk_in_float import UNQUANTIZED, walk_in_float
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.observe import observe
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import (
    QuantizationPlan,
    plan_quantization,
    plan_weights,
)
from intaglio.compiler.real.ranges.ranges import observed_ranges
from tests.compiler.real.walking import means
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

# Bits and granularity at which rounding hurts without destroying the network.
CASES = [
    ("resnet8", QuantizationOptions(weight_bits=4, per_channel=False)),
    ("resnet20", QuantizationOptions(weight_bits=4)),
    pytest.param("mobilenet_v1_025", QuantizationOptions(), marks=pytest.mark.slow),
]


def _feeds(name: str, folder: Path, count: int, skip: int) -> tuple[ir.Model, list[Feeds]]:
    model = NETWORKS[name].load(folder)
    return normalize(model), list(NETWORKS[name].feeds(folder, model, count, skip))


def _error(
    model: ir.Model,
    reference: ir.Model,
    plan: QuantizationPlan,
    feeds: list[Feeds],
    side: QuantizedSide = walk_in_float,
) -> float:
    """The typical layer's RMS error of channel means, relative to the RMS of the float means."""
    wanted, found = means(reference, UNQUANTIZED, feeds), means(model, plan, feeds, side)
    errors = [
        np.sqrt(np.mean(np.square(found[name] - mean)) / np.mean(np.square(mean)))
        for name, mean in wanted.items()
    ]
    return float(np.median(errors))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_by_calculation(name: str, options: QuantizationOptions, real_data: Path) -> None:
    model, feeds = _feeds(name, real_data, 8, 0)
    plan = QuantizationPlan({}, plan_weights(model, options))
    known = propagate_distributions(model)
    outcome = correct_biases(model, plan.constants, known.distributions, known.missing)
    layers = len(outcome.notes)
    assert outcome.summary == f"{layers} of {layers} layers corrected by calculation"
    before, after = (_error(m, model, plan, feeds) for m in (model, outcome.model))
    assert after < before / 3


@pytest.mark.parametrize(("name", "options"), [CASES[0], CASES[2]])
@pytest.mark.parametrize("side", [walk_in_float, IntegerSide()])
def test_on_data(
    name: str, options: QuantizationOptions, side: QuantizedSide, real_data: Path
) -> None:
    model, seen = _feeds(name, real_data, 8, 0)
    _, unseen = _feeds(name, real_data, 8, 100)
    ranges = observed_ranges(observe(model, seen))
    outcome = correct_biases_on_data(
        model, plan_quantization(model, ranges, options), seen, side=side
    )
    before, after = (
        _error(m, model, plan_quantization(m, ranges, options), unseen, IntegerSide())
        for m in (model, outcome.model)
    )
    assert after < before / 4
