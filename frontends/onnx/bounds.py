# SPDX-License-Identifier: Apache-2.0
"""Real bounds that Relu, Clip, Min and Max put on a value before it is quantized."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.refusal import Refusal
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding

_BEYOND_ANY_CODE = 2**64

Side = tuple[Float32, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """min(max(x, low), high): each side none, one, or one for each index of ``axis``."""

    low: Side = ()
    high: Side = ()
    axis: int | None = None

    def __bool__(self) -> bool:
        """Whether anything is bounded."""
        return bool(self.low or self.high)

    @property
    def scalar(self) -> bool:
        """Whether the whole tensor shares each bound."""
        return self.axis is None

    def clip(self) -> scaled.Clip:
        """As an attribute of a scaled op."""
        return scaled.Clip(self.low, self.high)

    def then(self, after: "Bounds") -> "Bounds":
        """These bounds first, ``after`` on the result.

        Raises:
            Refusal: both go by channel, along different axes.
        """
        if self.axis is not None and after.axis is not None and self.axis != after.axis:
            raise Refusal("clips by channel along two different axes")
        axis = self.axis if self.axis is not None else after.axis
        low = _pairwise(_greater, self.low, after.low)
        # A lower bound that comes after an upper one wins where they cross.
        high = _pairwise(_greater, self.high, after.low) if self.high else ()
        high = _pairwise(_smaller, high, after.high)
        # Within one pair the upper bound wins; say so without a crossing.
        low = _pairwise(_smaller, low, high) if low and high else low
        low, high = _merged(low), _merged(high)
        return Bounds(low, high, axis if max(len(low), len(high)) > 1 else None)

    def along(self, axis: int) -> "Bounds":
        """The same bounds by channel of another axis."""
        return replace(self, axis=axis) if self.axis is not None else self

    def apply(self, value: Fraction) -> Fraction:
        """A number within scalar bounds."""
        for low in self.low:
            value = max(value, low.fraction)
        for high in self.high:
            value = min(value, high.fraction)
        return value


NO_BOUNDS = Bounds()


def side_from_array(
    array: npt.NDArray[np.generic], value_shape: tuple[int, ...], unbounded: float
) -> tuple[Side, int | None]:
    """Bounds from a constant that is broadcast to ``value_shape``, and the axis they go along.

    Args:
        array: the constant.
        value_shape: the shape of the value.
        unbounded: the infinity that bounds nothing on this side.

    Raises:
        Refusal: the constant varies along two axes, would enlarge the value, holds NaN, the other
            infinity, or an infinity for some channels alone.
    """
    if array.dtype != np.float32:
        raise Refusal(f"a bound is of type {array.dtype}, float32 is expected")
    if array.ndim > len(value_shape):
        raise Refusal("a bound has more axes than the value it bounds")
    extents = (1,) * (len(value_shape) - array.ndim) + array.shape
    if any(extent not in (1, size) for extent, size in zip(extents, value_shape, strict=True)):
        raise Refusal(f"a bound of shape {array.shape} doesn't fit a value of {value_shape}")
    wide = [axis for axis, extent in enumerate(extents) if extent > 1]
    flat = array.astype(np.float32).ravel()
    if np.isnan(flat).any():
        raise Refusal("a bound is NaN")
    if flat.size and (flat == flat[0]).all():
        flat, wide = flat[:1], []
    if (flat == unbounded).all():
        return (), None
    if np.isinf(flat).any():
        raise Refusal("a bound is infinite so that nothing is left, or for some channels alone")
    if len(wide) > 1:
        raise Refusal("a bound varies along more than one axis")
    return tuple(Float32.from_value(float(v)) for v in flat), wide[0] if wide else None


def without_redundant(bounds: Bounds, element: IntType, quantization: Quantization) -> Bounds:
    """The sides that cut off some code of a per-tensor quantized value."""
    lowest = _dequantized(element.minimum, quantization)
    highest = _dequantized(element.maximum, quantization)
    low = () if all(b.fraction <= lowest for b in bounds.low) else bounds.low
    high = () if all(b.fraction >= highest for b in bounds.high) else bounds.high
    axis = bounds.axis if max(len(low), len(high)) > 1 else None
    return Bounds(low, high, axis)


def on_grid(bounds: Bounds, element: IntType, quantization: Quantization) -> bool:
    """Whether each bound is what some code stands for."""
    sides = (*bounds.low, *bounds.high)
    return all(code_of(bound.fraction, element, quantization) is not None for bound in sides)


def code_of(value: Fraction, element: IntType, quantization: Quantization) -> int | None:
    """The code that DequantizeLinear turns into ``value``, None where there is none."""
    code = round(value / quantization.scale.fraction) + quantization.zero_point
    if not element.contains(code) or _dequantized(code, quantization) != value:
        return None
    return code


def _dequantized(code: int, quantization: Quantization) -> Fraction:
    """DequantizeLinear: one product, rounded to float32."""
    exact = quantization.scale.fraction * (code - quantization.zero_point)
    return Float32.from_fraction(exact).fraction


def narrowed(
    bounds: Bounds, storage: IntType, element: IntType, quantization: Quantization
) -> Bounds:
    """Bounds without those that merely keep codes within a width that ONNX hasn't.

    Such a file stores codes of ``element`` in the wider ``storage`` and clips before it quantizes.

    Raises:
        Refusal: a code outside of ``element`` could come out.
    """
    if storage == element:
        return bounds
    low = [_code(bound, quantization) for bound in bounds.low]
    high = [_code(bound, quantization) for bound in bounds.high]
    if storage.minimum < element.minimum and (not low or min(low) < element.minimum):
        raise Refusal(f"is marked as {element}, but no Clip keeps its codes from falling below")
    if storage.maximum > element.maximum and (not high or max(high) > element.maximum):
        raise Refusal(f"is marked as {element}, but no Clip keeps its codes from rising above")
    kept_low = bounds.low if any(code > element.minimum for code in low) else ()
    kept_high = bounds.high if any(code < element.maximum for code in high) else ()
    axis = bounds.axis if max(len(kept_low), len(kept_high)) > 1 else None
    return Bounds(kept_low, kept_high, axis)


def _code(bound: Float32, quantization: Quantization) -> int:
    """QuantizeLinear of a bound before it saturates: one float32 division, then half to even."""
    exact = bound.fraction / quantization.scale.fraction
    if abs(exact) >= _BEYOND_ANY_CODE:  # whether or not float32 can hold it
        return round(exact)
    quotient = float32.divide(bound, quantization.scale)
    return float32.round_to_integer(quotient, Rounding.HALF_EVEN) + quantization.zero_point


def _pairwise(choose: Callable[[Float32, Float32], Float32], first: Side, second: Side) -> Side:
    if not first or not second:
        return first or second
    count = max(len(first), len(second))
    pairs = zip(_spread(first, count), _spread(second, count), strict=True)
    return tuple(choose(a, b) for a, b in pairs)


def _merged(side: Side) -> Side:
    return side[:1] if len(set(side)) == 1 else side


def _spread(side: Side, count: int) -> Side:
    return side if len(side) == count else side * count


def _greater(a: Float32, b: Float32) -> Float32:
    return a if a.fraction >= b.fraction else b


def _smaller(a: Float32, b: Float32) -> Float32:
    return a if a.fraction <= b.fraction else b
