# SPDX-License-Identifier: Apache-2.0
"""What runs a quantized network layer by layer, each set right before the next one runs."""

from collections.abc import Callable, Sequence
from typing import Protocol

import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.plan import QuantizationPlan

Visit = Callable[[str, LayerResult], Reals]
"""Given the name of a layer's result and what it is; returns what shall be added to each of its
channels, ``[M]`` or ``[1]``."""


class QuantizedSide(Protocol):
    """A way to compute the quantized network: in float, or in exact integers."""

    def __call__(
        self, model: ir.Model, plan: QuantizationPlan, batches: Sequence[Feeds], visit: Visit
    ) -> None:
        """Run ``model``, quantized by ``plan``, on all batches at once, one node after the other.

        Each Conv, ConvTranspose and Gemm with constant weights is shown to ``visit`` in the
        order of the graph: its result with the bias and before it is rounded or clamped. What
        ``visit`` returns is added before anything later runs, as if it stood in the bias. So a
        whole network is corrected in one run.

        Args:
            model: a normalized float model; it stays as it is.
            plan: how it is quantized.
            batches: arrays by input name; all of them are held, and of the values of the network
                those that later nodes read.
            visit: as above.
        """
        ...
