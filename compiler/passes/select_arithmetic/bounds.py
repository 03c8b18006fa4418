# SPDX-License-Identifier: Apache-2.0
"""The codes between which a fused activation keeps its result."""

from fractions import Fraction

from intaglio.compiler.ir.scaled import Clip
from intaglio.compiler.ir.types import Quantization
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.profile import BoundRule
from intaglio.numerics.rounding import round_fraction

_BEYOND_EVERY_CODE = 1 << 66
_SLACK = Fraction(1, 1 << 23)


def code_bounds(
    rule: BoundRule, clip: Clip, quantization: Quantization, element: IntType
) -> tuple[tuple[int, int], ...]:
    """(low, high) for the whole tensor, or one pair for each channel.

    code(v) = round(v / scale) + zero_point within the element type; the division is one float32
    division or exact, as ``rule`` says.
    """
    count = max(len(clip.low), len(clip.high), 1)
    lows = [_code(rule, bound, quantization) for bound in clip.low] or [element.minimum]
    highs = [_code(rule, bound, quantization) for bound in clip.high] or [element.maximum]
    lows = lows * (count if len(lows) == 1 else 1)
    highs = highs * (count if len(highs) == 1 else 1)
    pairs = zip(lows, highs, strict=True)
    return tuple((element.saturate(low), element.saturate(high)) for low, high in pairs)


def cuts_codes(clip: Clip, quantization: Quantization, element: IntType) -> bool:
    """Whether a bound lies inside of what the codes of the result stand for.

    Runtimes drop an activation that the quantization behind it makes redundant, before they fuse.
    ONNX Runtime 1.31 allows for 2**-23.
    """
    scale, zero_point = quantization.scale.fraction, quantization.zero_point
    lowest = (element.minimum - zero_point) * scale
    highest = (element.maximum - zero_point) * scale
    low = any(bound.fraction - lowest > _SLACK for bound in clip.low)
    return low or any(highest - bound.fraction > _SLACK for bound in clip.high)


def _code(rule: BoundRule, bound: Float32, quantization: Quantization) -> int:
    scale = quantization.scale
    ratio = bound.fraction / scale.fraction
    # A bound far beyond every code (exporters write the largest float32) saturates either way.
    if rule.float32 and abs(ratio) < _BEYOND_EVERY_CODE:
        ratio = float32.divide(bound, scale).fraction
    return round_fraction(ratio, rule.rounding) + quantization.zero_point
