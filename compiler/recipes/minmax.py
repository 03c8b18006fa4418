# SPDX-License-Identifier: Apache-2.0
"""The plain recipe: the range of a value is what calibration data shows of it."""

from collections.abc import Iterable

import onnx_ir as ir

from intaglio.compiler.real.insert_quantization import insert_quantization
from intaglio.compiler.real.normalize import normalize
from intaglio.compiler.real.observe import Progress, observe
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.options import QuantizationOptions
from intaglio.compiler.real.plan import plan_quantization
from intaglio.compiler.real.ranges import observed_ranges
from intaglio.compiler.real.roles import quantized_values
from intaglio.compiler.recipes.result import QuantizedResult


def quantize_minmax(
    model: ir.Model,
    calibration: Iterable[Feeds],
    options: QuantizationOptions,
    progress: Progress | None = None,
) -> QuantizedResult:
    """Quantize a float model, each activation to the range that ``calibration`` shows.

    Args:
        model: a float model as ``load_model`` yields it; it stays as it is.
        calibration: batches of input arrays by input name, consumed once.
        options: widths, signs, granularity.
        progress: called after each batch with batches done and their total if it is known.

    Raises:
        UnsupportedModel: nodes that no integer network has, all named, before any data is read.
        InvalidData: the data doesn't fit the model, or there is none.

    Source: Jacob et al. (2018), section 3; ranges as in Krishnamoorthi, Quantizing deep
    convolutional networks for efficient inference (2018), section 2.
    """
    normalized = normalize(model)
    observed = {value.name for value in quantized_values(normalized.graph) if value.name}
    statistics = observe(normalized, calibration, observed, progress)
    plan = plan_quantization(normalized, observed_ranges(statistics), options)
    return QuantizedResult(insert_quantization(normalized, plan), normalized, statistics, plan)
