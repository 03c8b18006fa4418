# SPDX-License-Identifier: Apache-2.0
"""What every recipe returns."""

from dataclasses import dataclass

import onnx_ir as ir

from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.compiler.real.statistics import Statistics
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a recipe did.

    Attributes:
        name: of the step.
        summary: what it did, in a few words.
        channels: to how many channels.
        moved: how far the float network's outputs are from those of the given one, as a share
            of their span; None for a step that doesn't touch the float function.
        signal_to_noise: of the outputs in decibels, were the network quantized now: weights alone
            before activations have ranges, everything from then on.
        notes: the details.
    """

    name: str
    summary: str
    channels: int
    moved: float | None = None
    signal_to_noise: float | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class QuantizedResult:
    """A quantized network and how it came about.

    Attributes:
        model: standard ONNX with QuantizeLinear and DequantizeLinear, to be run or saved.
        normalized: the float network that was quantized, value for value the names of ``model``,
            before weights were rounded and biases corrected.
        statistics: what calibration showed; empty where ranges needed no data.
        plan: every scale and zero point.
        steps: what was done, in order.
        synthetic: the data that was made, where the recipe makes any.
    """

    model: ir.Model
    normalized: ir.Model
    statistics: Statistics
    plan: QuantizationPlan
    steps: tuple[Step, ...] = ()
    synthetic: SyntheticSet | None = None
