# SPDX-License-Identifier: Apache-2.0
"""Graphs that break one rule each, as the lines between header and ``return %y``."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A graph's lines and the one sentence that verification says."""

    id: str
    lines: str
    sentence: str

    @property
    def values(self) -> tuple[str, str]:
        return self.lines, self.sentence


X = "%x: i8[1,2] = input\n"
PLANE = "%x: i8[1,4,4,2] = input\n"
WEIGHTS = "%w: i8[2,1,1,2] = constant [1, 2, 3, 4]\n"
SHIFT = "requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0, low=-8, high=7)"


def conv(result: str, attributes: str, weights: str = WEIGHTS, bias: str = "") -> str:
    operands = "%x, %w" + (", %b" if bias else "")
    return (
        f"{PLANE}{weights}{bias}%y: {result} = conv2d({operands}) "
        f'accumulator=accumulator(type=i32) {attributes} from "Conv_1"'
    )
