# SPDX-License-Identifier: Apache-2.0
"""A real function as codes of codes, for many codes at once."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.tables import Int64Array
from intaglio.numerics import enclosures, float32, functions
from intaglio.numerics.enclosures import Enclosure, Float64Array
from intaglio.numerics.float_codes import to_codes
from intaglio.numerics.functions import Real
from intaglio.numerics.profile.methods import ExactTable, Float32Table

_MOST = 1 << 52
"""Codes saturate here, beyond every word that a table may hold and within float64's integers."""


@dataclass(frozen=True, slots=True)
class RealFunction:
    """A real function: as tightly as asked at a rational, and between two float64 at many."""

    exact: Callable[[Fraction], Real]
    enclosed: Callable[[Float64Array], Enclosure]


IDENTITY = RealFunction(functions.rational, enclosures.rational)


def real_function(op: scaled.Unary) -> RealFunction:
    """The real function that a unary op names, without its activation."""
    alpha, beta = op.alpha.fraction, op.beta.fraction
    match op.function:
        case scaled.UnaryFunction.IDENTITY:
            return IDENTITY
        case scaled.UnaryFunction.LEAKY_RELU:
            return leaky_relu(alpha)
        case scaled.UnaryFunction.SIGMOID:
            return RealFunction(functions.sigmoid, enclosures.sigmoid)
        case scaled.UnaryFunction.TANH:
            return RealFunction(functions.tanh, enclosures.tanh)
        case scaled.UnaryFunction.HARD_SIGMOID:
            return RealFunction(
                lambda x: functions.hard_sigmoid(x, alpha, beta),
                lambda x: enclosures.hard_sigmoid(x, float(alpha), float(beta)),
            )
        case scaled.UnaryFunction.HARD_SWISH:
            return RealFunction(functions.hard_swish, enclosures.hard_swish)
        case scaled.UnaryFunction.GELU:
            return RealFunction(functions.gelu, enclosures.gelu)
        case scaled.UnaryFunction.GELU_TANH:
            return RealFunction(functions.gelu_tanh, enclosures.gelu_tanh)
        case scaled.UnaryFunction.ELU:
            return RealFunction(
                lambda x: functions.elu(x, alpha), lambda x: enclosures.elu(x, float(alpha))
            )
        case scaled.UnaryFunction.EXP:
            return RealFunction(functions.exponential, enclosures.exponential)
        case scaled.UnaryFunction.RSQRT:
            return RealFunction(functions.reciprocal_square_root, enclosures.reciprocal_square_root)
        case _:
            assert_never(op.function)


def leaky_relu(slope: Fraction) -> RealFunction:
    """Identity where x >= 0, else slope * x."""
    return RealFunction(
        lambda x: functions.leaky_relu(x, slope),
        lambda x: enclosures.leaky_relu(x, float(slope)),
    )


@dataclass(frozen=True, slots=True)
class RealTable:
    """The code of ``function`` at the real of each code.

    ``code`` is the definition.  Whole arrays go through it only where float64 bounds of the
    function leave a rounding open.
    """

    method: ExactTable | Float32Table
    function: RealFunction
    source: Quantization
    target: Quantization

    def __call__(self, codes: Int64Array) -> Int64Array:
        """``code`` of each code, saturated beyond 2**52.

        Raises:
            InvalidData: a float32 operation overflows.
        """
        with np.errstate(all="ignore"):
            low, high = (self._unrounded(bound) for bound in self._enclosed(codes))
        rounding = self.method.rounding
        zero_point = 0 if self._zero_point_inside else self.target.zero_point
        finite = np.isfinite(low) & np.isfinite(high)
        found, other = (
            to_codes(np.where(finite, bound, 0), rounding, zero_point, -_MOST, _MOST)
            for bound in (low, high)
        )
        undecided = np.flatnonzero(~finite | (found != other))
        found[undecided] = [
            max(-_MOST, min(_MOST, self.code(code))) for code in codes[undecided].tolist()
        ]
        return found

    def code(self, q: int) -> int:
        """The table's entry at one code, exactly."""
        match self.method:
            case ExactTable(rounding=rounding):
                x = (q - self.source.zero_point) * self.source.scale.fraction
                code = self.function.exact(x).rounded_to_integer(
                    self.target.scale.fraction, rounding
                )
                return code + self.target.zero_point
            case Float32Table():
                return self._float32_code(self.method, q)
            case _:
                assert_never(self.method)

    def _float32_code(self, method: Float32Table, q: int) -> int:
        """Every step is one float32 operation; the function itself is correctly rounded."""
        centred = float32.from_integer(q - self.source.zero_point)
        x = float32.multiply(centred, self.source.scale)
        y = self.function.exact(x.fraction).rounded_to_float32()
        if method.reciprocal:
            reciprocal = float32.divide(float32.from_integer(1), self.target.scale)
            ratio = float32.multiply(y, reciprocal)
        else:
            ratio = float32.divide(y, self.target.scale)
        if method.zero_point_inside:
            shifted = float32.add(ratio, float32.from_integer(self.target.zero_point))
            return float32.round_to_integer(shifted, method.rounding)
        return float32.round_to_integer(ratio, method.rounding) + self.target.zero_point

    @property
    def _zero_point_inside(self) -> bool:
        return isinstance(self.method, Float32Table) and self.method.zero_point_inside

    def _enclosed(self, codes: Int64Array) -> Enclosure:
        """Bounds of the function at each code; float64 holds the argument of either method."""
        centred = codes - self.source.zero_point
        match self.method:
            case ExactTable():
                x = centred.astype(np.float64) * self.source.scale.value
            case Float32Table():
                x = (centred.astype(np.float32) * np.float32(self.source.scale.value)).astype(
                    np.float64
                )
            case _:
                assert_never(self.method)
        # A function may be finite at infinity; the definition refuses an operand that overflows.
        return self.function.enclosed(np.where(np.isfinite(x), x, np.nan))

    def _unrounded(self, bound: Float64Array) -> Float64Array:
        """In units of the result's scale; every step keeps the order of the bounds."""
        match self.method:
            case ExactTable():
                return bound / self.target.scale.value
            case Float32Table(reciprocal=by_reciprocal, zero_point_inside=inside):
                y, scale = bound.astype(np.float32), np.float32(self.target.scale.value)
                ratio = y * (np.float32(1) / scale) if by_reciprocal else y / scale
                shifted = ratio + np.float32(self.target.zero_point) if inside else ratio
                return shifted.astype(np.float64)
            case _:
                assert_never(self.method)
