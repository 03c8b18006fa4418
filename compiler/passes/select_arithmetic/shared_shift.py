# SPDX-License-Identifier: Apache-2.0
"""Two operands' multipliers at one shift, for a sum that rounds once."""

from dataclasses import dataclass
from fractions import Fraction

from intaglio.compiler.ir.graph import Node
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.float32 import Float32
from intaglio.numerics.profile.derive import real_multiplier
from intaglio.numerics.profile.methods import RatioLimits, SharedShiftMethod
from intaglio.numerics.profile.schemes import ScaleProduct
from intaglio.numerics.rounding import Rounding, round_fraction


@dataclass(frozen=True, slots=True)
class SharedShift:
    """``left / 2**shift`` and ``right / 2**shift`` are the ratios to the result's scale."""

    left: int
    right: int
    shift: int


def shared_shift(
    state: Lowering,
    node: Node,
    method: SharedShiftMethod,
    left: Float32,
    right: Float32,
    output: Float32,
) -> SharedShift:
    """The ratio that is measured gets a multiplier of ``multiplier_bits`` bits, half to even.

    Raises:
        UnsupportedModel: a ratio is beyond what the machine takes.
    """
    product = ScaleProduct.FLOAT32 if method.float32_ratios else ScaleProduct.EXACT
    ratios = (real_multiplier(product, left, output), real_multiplier(product, right, output))
    measured = min(ratios) if method.smaller_ratio else max(ratios)
    shift = method.multiplier_bits - 1 - _floor_log2(measured)
    if shift < 0:
        raise state.refusal(
            node,
            f"an operand's scale is {float(max(ratios)):.3g} times the result's",
            f"a ratio that fits {method.multiplier_bits} bits",
        )
    first, second = (round_fraction(ratio * (1 << shift), Rounding.HALF_EVEN) for ratio in ratios)
    limits = method.limits
    if limits is not None and (
        shift > limits.largest_shift
        or max(first, second).bit_length() > method.multiplier_bits
        or not all(_is_within(limits, ratio) for ratio in ratios)
    ):
        raise state.refusal(
            node,
            f"scales {float(ratios[0]):.9g} and {float(ratios[1]):.9g} times the result's",
            f"ratios from 2**{limits.least_exponent} to 2**{limits.exponent_above}, and "
            f"multipliers of {method.multiplier_bits} bits at a shift of {limits.largest_shift} "
            "at most",
        )
    return SharedShift(first, second, shift)


def _is_within(limits: RatioLimits, ratio: Fraction) -> bool:
    least, above = Fraction(2) ** limits.least_exponent, Fraction(2) ** limits.exponent_above
    return least <= ratio < above


def _floor_log2(value: Fraction) -> int:
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return exponent if Fraction(2) ** exponent <= value else exponent - 1
