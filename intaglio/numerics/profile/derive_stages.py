# SPDX-License-Identifier: Apache-2.0
"""From a real multiplier to the registers of a hardware file's requantizer."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from intaglio.errors import InvalidOption, NarrowRegister
from intaglio.numerics import multipliers
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile.stages_scheme import ClampOrder, StagesScheme, ZeroPointPlace
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, round_fraction
from intaglio.numerics.scalings import (
    AddStep,
    MultiplyStep,
    SaturateStep,
    ShiftStep,
    Stages,
    Step,
    WrapStep,
)


def staged_requantizer(
    scheme: StagesScheme,
    real: Fraction,
    accumulator: Interval,
    zero_point: int,
    low: int,
    high: int,
    result: IntType,
) -> Requantizer:
    """The requantizer of ``round(x * real) + zero_point``, clamped to ``low..high``.

    Args:
        scheme: the registers.
        real: the real multiplier.
        accumulator: what x can be; products are proved to fit where they must.
        zero_point: the result's.
        low: the least code.
        high: the greatest.
        result: the type of the codes.

    Raises:
        InvalidOption: the shifter or a register is too narrow; the sentence says what is needed.
    """
    multiplier, shift = fixed_point(scheme, real)
    steps = list(_until_product(scheme, real, multiplier, zero_point))
    product = Stages(tuple(steps)).intervals(accumulator)[-1]
    steps += _product_register(scheme, product)
    if scheme.zero_point is ZeroPointPlace.BEFORE_SHIFT and zero_point:
        steps.append(AddStep(zero_point << shift))
    steps.append(ShiftStep(shift - scheme.second_shift, scheme.rounding))
    if scheme.second_shift:
        steps.append(ShiftStep(scheme.second_shift, scheme.second_rounding))
    last = zero_point if scheme.zero_point is ZeroPointPlace.AFTER_SHIFT else 0
    stored = staged_store(scheme, last, low, high, result)
    assert isinstance(stored.scaling, Stages)
    return replace(stored, scaling=Stages((*steps, *stored.scaling.steps)))


def staged_store(
    scheme: StagesScheme, zero_point: int, low: int, high: int, result: IntType
) -> Requantizer:
    """What stands behind the shifter: its register, the zero point, the store.

    A sum of operands that stand in the result's scale takes this way alone.

    Args:
        scheme: the registers.
        zero_point: what is added behind the shift.
        low: the least code.
        high: the greatest.
        result: the type of the codes.

    Raises:
        InvalidOption: the register behind the shift can't hold every code.
    """
    steps: list[Step] = []
    if scheme.result_bits:
        needed = Interval(low - zero_point, high - zero_point).signed_bits
        if needed > scheme.result_bits:
            raise NarrowRegister(
                "result_bits",
                scheme.result_bits,
                f"can't hold the codes {low}..{high} less {zero_point}",
                needed,
                ", or 0 for a register that holds every value",
            )
        steps.append(SaturateStep(IntType(scheme.result_bits, signed=True)))
    if scheme.clamp is ClampOrder.BEFORE_ZERO_POINT:
        steps.append(SaturateStep(result))
    if scheme.store is Overflow.WRAP:
        return Requantizer(Stages((*steps, AddStep(zero_point), WrapStep(result))), 0, low, high)
    return Requantizer(Stages(tuple(steps)), zero_point, low, high)


def fixed_point(scheme: StagesScheme, real: Fraction) -> tuple[int, int]:
    """``(multiplier, shift)`` of the real multiplier behind the pre-shift.

    Raises:
        InvalidOption: no shift of the shifter brings the multiplier into its register.
    """
    wanted = real * (1 << scheme.pre_shift)
    if wanted < 0 and not scheme.signed_multiplier:
        raise InvalidOption("signed_multiplier", "false", "has no negative multiplier", "give true")
    whole = round_fraction(abs(wanted), Rounding.HALF_AWAY_FROM_ZERO).bit_length()
    if whole > scheme.magnitude_bits:
        raise NarrowRegister(
            "multiplier_bits",
            scheme.multiplier_bits,
            f"can't hold the multiplier {float(real):.6g} behind pre_shift {scheme.pre_shift}",
            whole + scheme.signed_multiplier,
        )
    nearest = multipliers.nearest_multiply_shift(
        wanted, scheme.magnitude_bits, scheme.rounding, scheme.maximum_shift
    )
    if nearest.multiplier == 0 and real:
        raise NarrowRegister(
            "maximum_shift",
            scheme.maximum_shift,
            f"leaves nothing of the multiplier {float(real):.6g}",
            _normal_shift(scheme, wanted),
            ", or widen multiplier_bits",
        )
    full = abs(nearest.multiplier).bit_length() == scheme.magnitude_bits
    if scheme.normalised and not full and real:
        raise NarrowRegister(
            "maximum_shift",
            scheme.maximum_shift,
            f"is short of the {_normal_shift(scheme, wanted)} that the multiplier "
            f"{float(real):.6g} takes",
            _normal_shift(scheme, wanted),
            ", or normalised = false",
        )
    if nearest.shift < scheme.minimum_shift:
        raise NarrowRegister(
            "minimum_shift",
            scheme.minimum_shift,
            f"is above the {nearest.shift} that the multiplier {float(real):.6g} takes",
            nearest.shift,
            " or less",
        )
    return nearest.multiplier, nearest.shift


def _normal_shift(scheme: StagesScheme, wanted: Fraction) -> int:
    return multipliers.nearest_multiply_shift(
        wanted, scheme.magnitude_bits, scheme.rounding, 1 << 20
    ).shift


def _until_product(
    scheme: StagesScheme, real: Fraction, multiplier: int, zero_point: int
) -> Iterator[Step]:
    if scheme.input_bits:
        yield SaturateStep(IntType(scheme.input_bits, signed=True))
    if scheme.pre_shift:
        yield ShiftStep(scheme.pre_shift, scheme.pre_shift_rounding)
    if scheme.zero_point is ZeroPointPlace.BEFORE_MULTIPLIER and zero_point:
        offset = zero_point / (real * (1 << scheme.pre_shift))
        yield AddStep(round_fraction(offset, Rounding.HALF_EVEN))
    yield MultiplyStep(multiplier)


def _product_register(scheme: StagesScheme, product: Interval) -> list[Step]:
    if not scheme.product_bits or product.signed_bits <= scheme.product_bits:
        return []
    if scheme.product_overflow is Overflow.TRAP or scheme.product_bits > 64:
        raise NarrowRegister(
            "product_bits",
            scheme.product_bits,
            f"can't hold products within {product}",
            product.signed_bits,
            ", or narrow multiplier_bits",
        )
    register = IntType(scheme.product_bits, signed=True)
    if scheme.product_overflow is Overflow.WRAP:
        return [WrapStep(register)]
    return [SaturateStep(register)]
