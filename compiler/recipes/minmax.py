# SPDX-License-Identifier: Apache-2.0
"""The plain recipe: the range of a value is what calibration data shows of it."""

from collections.abc import Iterable

import onnx_ir as ir

from intaglio.compiler.real.observe import Progress
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.choices import Choices
from intaglio.compiler.recipes.quantize import quantize
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

    def report(step: str, done: int, total: int | None) -> None:
        if progress is not None and step == "ranges":
            progress(done, total)

    return quantize(model, Choices(codes=options), data=calibration, measure=False, progress=report)
