# SPDX-License-Identifier: Apache-2.0
"""What every recipe returns."""

from dataclasses import dataclass

import onnx_ir as ir

from intaglio.compiler.real.plan import QuantizationPlan
from intaglio.compiler.real.statistics import Statistics


@dataclass(frozen=True, slots=True)
class QuantizedResult:
    """A quantized network and how it came about.

    Attributes:
        model: standard ONNX with QuantizeLinear and DequantizeLinear, to be run or saved.
        normalized: the float network that was quantized, value for value the names of ``model``,
            which a diagnosis holds it against. A recipe that corrects biases gives the network
            before that: the corrected one computes other numbers unless its weights are rounded.
        statistics: what calibration showed.
        plan: every scale and zero point.
    """

    model: ir.Model
    normalized: ir.Model
    statistics: Statistics
    plan: QuantizationPlan
