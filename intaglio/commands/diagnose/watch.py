# SPDX-License-Identifier: Apache-2.0
"""What is seen of the codes of one activation over a stream of batches."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.diagnose.fidelity import Tally
from intaglio.commands.diagnose.quantized_network import Activation
from intaglio.compiler.real.onnx_runtime import Array


@dataclass(frozen=True, slots=True)
class Use:
    """How much of its codes a value uses.

    Attributes:
        codes: (largest code - smallest code) / (highest code - lowest code).
        channels_median: the same of each channel (axis 1) alone, the median of them; None where
            there is no such axis.
        channels_least: likewise the least.
        beyond: the share of the float network's numbers that lie outside of what codes stand for;
            None where it has no such value.
    """

    codes: float
    channels_median: float | None
    channels_least: float | None
    beyond: float | None


@dataclass(slots=True)
class Watch:
    """Sums and extremes of one activation."""

    activation: Activation
    tally: Tally = field(default_factory=Tally)
    elements: int = 0
    beyond: int = 0
    least: NDArray[np.int64] | None = None
    greatest: NDArray[np.int64] | None = None

    def see(self, codes: Array, exact: Array | None) -> None:
        """Count the codes ``[N, C, ...]`` of one run, and the real numbers they stand for."""
        codes = codes.astype(np.int64)
        axes = tuple(axis for axis in range(codes.ndim) if axis != 1)
        least, greatest = codes.min(axis=axes), codes.max(axis=axes)
        self.least = least if self.least is None else np.minimum(self.least, least)
        self.greatest = greatest if self.greatest is None else np.maximum(self.greatest, greatest)
        if exact is None:
            return
        parameters = self.activation.parameters
        self.tally.add(exact, parameters.dequantize(codes))
        encoding = parameters.encoding
        unclamped = np.rint(exact / parameters.scales[0]) + parameters.zero_points[0]
        outside = (unclamped < encoding.minimum) | (unclamped > encoding.maximum)
        self.beyond += int(np.count_nonzero(outside))
        self.elements += exact.size

    def use(self) -> Use:
        """What was seen of the codes."""
        assert self.least is not None
        assert self.greatest is not None
        encoding = self.activation.parameters.encoding
        levels = encoding.maximum - encoding.minimum
        channels = (self.greatest - self.least) / levels
        has_channels = self.least.ndim > 0
        return Use(
            codes=float(self.greatest.max() - self.least.min()) / levels,
            channels_median=float(np.median(channels)) if has_channels else None,
            channels_least=float(channels.min()) if has_channels else None,
            beyond=self.beyond / self.elements if self.elements else None,
        )
