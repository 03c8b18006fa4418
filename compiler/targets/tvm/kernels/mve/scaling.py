# SPDX-License-Identifier: Apache-2.0
"""Requantizers in three or four instructions for four accumulators, exactly.

With a shift of more than 32 bits, floors of quotients by powers of two compose:

    floor((x m + 2**(s-1)) / 2**s) = floor((floor(x m / 2**32) + 2**(s-33)) / 2**(s-32))

which is a high half of a product, then a rounding shift.  A smaller shift is made larger by moving
x to the left first, where it has room.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from intaglio.compiler.targets.tvm.kernels.mve import instructions
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift

_INT32 = IntType(32, signed=True)
_HIGH = 32
_MOST_RIGHT = 31


@dataclass(frozen=True, slots=True)
class Steps:
    """How accumulators are scaled, by channel.

    Attributes:
        left: bits that the accumulators move to the left first; empty where none does.
        multipliers: int32.
        doubled: whether the high half is that of the doubled product, rounded, and not the floor.
        right: how far the high half moves to the right.
        rounding: whether that rounds, halves up.
        away: whether halves below 0 go down, away from 0.
    """

    left: tuple[int, ...]
    multipliers: tuple[int, ...]
    doubled: bool
    right: tuple[int, ...]
    rounding: bool
    away: bool

    @property
    def constants(self) -> tuple[tuple[int, ...], ...]:
        """By channel, in the order in which ``apply`` takes them."""
        moved = (self.left,) if self.left else ()
        shifts = (tuple(-bits for bits in self.right),) if any(self.right) else ()
        return (*moved, self.multipliers, *shifts)

    def apply(self, x: Expression, constants: Sequence[Expression]) -> Expression:
        """Four accumulators, scaled."""
        given = list(constants)
        if self.left:
            x = instructions.shifted(x, given.pop(0), rounding=False)
        multiplier = given.pop(0)
        if not self.doubled:
            x = instructions.high_half(x, multiplier)
        else:
            x = instructions.rounded_doubled_high_half(x, multiplier)
        if self.away:
            x = x + tirx.shift_right(x, tirx.Broadcast(tirx.IntImm("int32", _MOST_RIGHT), 4))
        return instructions.shifted(x, given.pop(0), rounding=self.rounding) if given else x


def steps_of(requantizers: Sequence[Requantizer], x: Interval) -> Steps | None:
    """The steps of requantizers' scalings, None where these don't compute them.

    Args:
        requantizers: by channel.
        x: every accumulator lies within.
    """
    scalings = [requantizer.scaling for requantizer in requantizers]
    if not _INT32.interval.contains(x):
        return None
    match scalings[0]:
        case MultiplyShift():
            once = [s for s in scalings if isinstance(s, MultiplyShift)]
            return _multiply_shift(once, x) if len(once) == len(scalings) else None
        case DoubleRounding():
            # Below 0 the results of both roundings are clamped to the same code.
            harmless = all(each.low >= each.zero_point for each in requantizers)
            twice = [s for s in scalings if isinstance(s, DoubleRounding)]
            return _double_rounding(twice, x, harmless) if len(twice) == len(scalings) else None
        case _:
            return None


def _multiply_shift(scalings: list[MultiplyShift], x: Interval) -> Steps | None:
    left = tuple(max(_HIGH + 1 - scaling.shift, 0) for scaling in scalings)
    right = tuple(max(scaling.shift - _HIGH, 1) for scaling in scalings)
    if (
        any(s.rounding is not Rounding.HALF_TOWARD_POSITIVE for s in scalings)
        or not all(_INT32.contains(s.multiplier) for s in scalings)
        or max(right) > _MOST_RIGHT
        or not _has_room(x, left)
    ):
        return None
    multipliers = tuple(scaling.multiplier for scaling in scalings)
    return Steps(left if any(left) else (), multipliers, False, right, True, False)


def _double_rounding(scalings: list[DoubleRounding], x: Interval, harmless: bool) -> Steps | None:
    if len({scaling.ties for scaling in scalings}) > 1:
        return None
    left = tuple(max(scaling.shift, 0) for scaling in scalings)
    right = tuple(max(-scaling.shift, 0) for scaling in scalings)
    ties = scalings[0].ties
    away = ties is Rounding.HALF_AWAY_FROM_ZERO and any(right) and not harmless
    if not _has_room(x, left) or (away and not all(right)):
        return None
    multipliers = tuple(scaling.multiplier for scaling in scalings)
    rounding = ties is not Rounding.FLOOR
    return Steps(left if any(left) else (), multipliers, True, right, rounding, away)


def _has_room(x: Interval, left: Sequence[int]) -> bool:
    return _INT32.interval.contains(x.scale_by(1 << min(max(left), 64)))
