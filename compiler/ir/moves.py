# SPDX-License-Identifier: Apache-2.0
"""Ops that only move values, the same at both levels: no arithmetic, so nothing to round.

At the scaled level every operand and the result share one quantization.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Transpose:
    """y.shape[i] = x.shape[permutation[i]]."""

    permutation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same values in row-major order in the result's shape."""


@dataclass(frozen=True, slots=True)
class Slice:
    """y[i] = x[start + i * step] along every axis; the extent is the result's shape.

    ``steps`` may be negative; every index read lies inside the operand.
    """

    starts: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Concat:
    """The operands one after another along ``axis``."""

    axis: int


class PadMode(Enum):
    """What a padded element holds."""

    CONSTANT = "constant"
    EDGE = "edge"
    REFLECT = "reflect"
    SYMMETRIC = "symmetric"


@dataclass(frozen=True, slots=True)
class Pad:
    """Elements added before and after each axis.

    Attributes:
        before: number added in front, by axis.
        after: number added behind, by axis.
        mode: a constant, the nearest edge, or the mirror image: without the edge (reflect) or
            with it (symmetric).
        value: the code of a constant (at the scaled level a real zero is the zero point).
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    mode: PadMode = PadMode.CONSTANT
    value: int = 0


@dataclass(frozen=True, slots=True)
class ResizeNearest:
    """y[n, i, j, c] = x[n, rows[i], columns[j], c] (NHWC)."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]


Move = Transpose | Reshape | Slice | Concat | Pad | ResizeNearest
