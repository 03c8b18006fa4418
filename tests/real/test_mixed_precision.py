# SPDX-License-Identifier: Apache-2.0
"""Widths layer by layer on a real network: less is lost than with one width of the same size."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.evaluators import IntegerEvaluator
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import plan_quantization
from intaglio.compiler.real.ranges.ranges import observed_ranges
from intaglio.compiler.real.widths.output_losses import output_noise
from intaglio.compiler.recipes.layer_sensitivities import Measurement
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.compiler.recipes.mixed_precision import SizeBudget, choose_widths
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real


def test_half_of_the_noise_or_less_at_the_same_size(real_data: Path) -> None:
    network = NETWORKS["resnet8"]
    given = network.load(real_data)
    feeds = list(network.feeds(real_data, given, 6))
    result = quantize_minmax(given, feeds, QuantizationOptions())
    model, ranges = result.normalized, observed_ranges(result.statistics)
    (name,) = feeds[0]
    batch = {name: np.concatenate([each[name] for each in feeds])}
    evaluate = IntegerEvaluator()

    how = Measurement(
        model,
        lambda options: insert_quantization(model, plan_quantization(model, ranges, options)),
        evaluate,
        [batch],
    )
    chosen = choose_widths(
        how,
        QuantizationOptions(),
        SizeBudget(77360 * 5 // 8),
        widths=(8, 5, 4),
    )
    assert sum(each.weights for each in chosen.layers) == 77360
    assert sum(each.products for each in chosen.layers) == 12501632
    assert chosen.cost <= 77360 * 5 // 8
    uniform = how.quantize(QuantizationOptions(weight_bits=5))
    assert chosen.loss < 0.5 * output_noise([Session(model).run(batch)], evaluate(uniform, [batch]))
