# SPDX-License-Identifier: Apache-2.0
"""What computes a quantized network as a machine does, for those who choose by what it loses."""

from collections.abc import Sequence
from typing import Protocol

import onnx_ir as ir

from intaglio.compiler.real.onnx_runtime import Array, Feeds


class Evaluator(Protocol):
    """A way to run quantized networks."""

    def __call__(self, model: ir.Model, batches: Sequence[Feeds]) -> list[dict[str, Array]]:
        """The outputs of each batch, by their names in the model.

        Args:
            model: standard ONNX with QuantizeLinear and DequantizeLinear; it stays as it is.
            batches: arrays by input name.
        """
        ...
