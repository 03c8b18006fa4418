# SPDX-License-Identifier: Apache-2.0
"""Instructions of Advanced SIMD as expressions, by what they compute."""

from collections.abc import Sequence

from intaglio.compiler.targets.tvm.function import element_type, index
from intaglio.compiler.targets.tvm.library import Expression, tirx


def _call(dtype: str, name: str, *arguments: Expression) -> Expression:
    return tirx.call_llvm_pure_intrin(dtype, f"llvm.aarch64.neon.{name}", *arguments)


def matrix_multiply(total: Expression, left: Expression, right: Expression) -> Expression:
    """``total[2i+j] + Σ_k left[8i+k] right[8j+k]``, modulo 2**32 (SMMLA)."""
    return _call("int32x4", "smmla.v4i32.v16i8", total, left, right)


def dot(total: Expression, left: Expression, right: Expression) -> Expression:
    """``total[i] + Σ_k left[4i+k] right[4i+k]``, modulo 2**32 (SDOT)."""
    return _call("int32x4", "sdot.v4i32.v16i8", total, left, right)


def multiply_long(left: Expression, right: Expression) -> Expression:
    """Eight products of bytes as int16 (SMULL)."""
    return _call("int16x8", "smull.v8i16", left, right)


def add_pairs_long(values: Expression) -> Expression:
    """Four sums of neighbouring int16 as int32 (SADDLP)."""
    return _call("int32x4", "saddlp.v4i32.v8i16", values)


def add_pairs(first: Expression, second: Expression) -> Expression:
    """Sums of neighbouring int32 of both, modulo 2**32 (ADDP)."""
    return _call("int32x4", "addp.v4i32", first, second)


def high_product(x: Expression, y: Expression) -> Expression:
    """``floor(x y / 2**31)``, saturated (SQDMULH)."""
    return _call("int32x4", "sqdmulh.v4i32", x, y)


def rounded_high_product(x: Expression, y: Expression) -> Expression:
    """``floor(x y / 2**31 + 1/2)``, saturated (SQRDMULH)."""
    return _call("int32x4", "sqrdmulh.v4i32", x, y)


def rounded_shift(x: Expression, left: Expression) -> Expression:
    """``floor(x 2**left + 1/2)`` for amounts that aren't positive (SRSHL)."""
    return _call("int32x4", "srshl.v4i32", x, left)


def narrowed_rounded_shift(x: Expression, right: int) -> Expression:
    """``floor(x / 2**right + 1/2)`` saturated to int16, 1 to 16 places (SQRSHRN)."""
    return _call("int16x4", "sqrshrn.v4i16", x, index(right))


def narrowed_words(x: Expression) -> Expression:
    """Four int32 saturated to int16 (SQXTN)."""
    return _call("int16x4", "sqxtn.v4i16", x)


def narrowed_bytes(x: Expression, signed: bool) -> Expression:
    """Eight int16 saturated to int8 (SQXTN) or to uint8 (SQXTUN), as int8."""
    return _call("int8x8", f"{'sqxtn' if signed else 'sqxtun'}.v8i8", x)


def narrowed_shifted_bytes(x: Expression, right: int, signed: bool) -> Expression:
    """``floor(x / 2**right + 1/2)`` of int16, saturated to int8 or uint8 (SQRSHRN, SQRSHRUN)."""
    name = "sqrshrn" if signed else "sqrshrun"
    return _call("int8x8", f"{name}.v8i8", x, index(right))


def saturating_add(x: Expression, y: Expression) -> Expression:
    """Sums of int16, saturated (SQADD)."""
    return _call("int16x8", "sqadd.v8i16", x, y)


def shuffled(vectors: Sequence[Expression], places: Sequence[int]) -> Expression:
    """The lanes of some vectors, one behind the other, that stand at some places."""
    return tirx.Shuffle(list(vectors), [index(place) for place in places])


def joined(first: Expression, second: Expression) -> Expression:
    """The lanes of two vectors of as many lanes."""
    lanes = int(element_type(first).rpartition("x")[2])
    return shuffled([first, second], range(2 * lanes))
