# SPDX-License-Identifier: Apache-2.0
"""The windows that convolutions and pools slide over spatial axes."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir
import torch
from torch.nn import functional

from intaglio.compiler.real.editing import int_attribute
from intaglio.compiler.synthesis.operators.operation import Refusal, integers, text

AUTOMATIC = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
MAXIMUM_RANK = 3  # of spatial axes, what PyTorch has convolutions and pools for


@dataclass(frozen=True, slots=True)
class Pads:
    """How many elements are added at the beginning and the end of each spatial axis."""

    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def even(self) -> bool:
        """Whether beginnings and ends are alike, and nothing is cut off."""
        return self.begins == self.ends and min(self.begins) >= 0

    def apply(self, x: torch.Tensor, fill: float = 0.0) -> torch.Tensor:
        """Pad the last axes; negative numbers cut off."""
        pairs = [*zip(self.begins, self.ends, strict=True)]
        amounts = [amount for pair in reversed(pairs) for amount in pair]
        return functional.pad(x, amounts, value=fill) if any(amounts) else x


@dataclass(frozen=True, slots=True)
class Windows:
    """Extents of a window and where windows lie, a number for each spatial axis.

    Attributes:
        kernel: taps.
        strides: positions from one window to the next.
        dilations: positions from one tap to the next.
        automatic: how padding is found, "NOTSET" where ``pads`` says it.
        pads: begins, then ends.
        ceil: whether a last window may reach beyond the padding.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    automatic: str
    pads: tuple[int, ...]
    ceil: bool

    @property
    def reaches(self) -> tuple[int, ...]:
        """How many positions a window spans along each axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def padding(self, extents: Sequence[int]) -> Pads:
        """The padding for an input of these spatial extents.

        SAME: windows = ceil(extent / stride); an odd padding goes to the end (UPPER) or the
        beginning (LOWER).

        Source: ONNX operators Conv-11 and MaxPool-12.
        """
        rank = len(self.kernel)
        match self.automatic:
            case "NOTSET":
                return Pads(self.pads[:rank], self.pads[rank:])
            case "VALID":
                return Pads((0,) * rank, (0,) * rank)
            case _:
                totals = [
                    max((-(-extent // stride) - 1) * stride + reach - extent, 0)
                    for extent, stride, reach in zip(
                        extents, self.strides, self.reaches, strict=True
                    )
                ]
                return split_evenly(totals, upper=self.automatic == "SAME_UPPER")


def split_evenly(totals: Sequence[int], *, upper: bool) -> Pads:
    """Half of each total at either end, the odd one at the end if ``upper``."""
    begins = tuple(total // 2 if upper else total - total // 2 for total in totals)
    return Pads(begins, tuple(t - b for t, b in zip(totals, begins, strict=True)))


def read_windows(node: ir.Node, kernel: tuple[int, ...]) -> Windows:
    """The windows of a Conv, ConvTranspose or pool whose kernel has these extents."""
    rank = len(kernel)
    if not 1 <= rank <= MAXIMUM_RANK:
        raise Refusal(f"it has {rank} spatial axes, not 1 to {MAXIMUM_RANK}")
    automatic = text(node, "auto_pad", "NOTSET", AUTOMATIC)
    return Windows(
        integers(node, "kernel_shape", kernel),
        integers(node, "strides", [1] * rank),
        integers(node, "dilations", [1] * rank),
        automatic,
        integers(node, "pads", [0] * 2 * rank),
        # SAME already makes as many windows as rounding up would.
        bool(int_attribute(node, "ceil_mode", 0)) and not automatic.startswith("SAME"),
    )
