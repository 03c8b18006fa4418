# SPDX-License-Identifier: Apache-2.0
"""Helium's own instructions as expressions: vectors of 16 bytes, accumulators in core registers."""

from intaglio.compiler.targets.tvm.function import Function, index
from intaglio.compiler.targets.tvm.library import Buffer, Expression, statements, tirx

BYTES = 16
"""Of a vector."""

QUAD = 4
"""Lanes of 32 bits in a vector."""


def dot(total: Expression, x: Expression, weights: Expression) -> Expression:
    """``total + Σ x[k] weights[k]`` modulo 2**32, of two vectors of int8."""
    zero = index(0)
    name = "llvm.arm.mve.vmldava"
    return tirx.call_llvm_pure_intrin("int32", name, zero, zero, zero, total, x, weights)


def high_half(x: Expression, y: Expression) -> Expression:
    """``floor(x * y / 2**32)`` of int32 lanes."""
    return tirx.call_llvm_pure_intrin("int32x4", "llvm.arm.mve.vmulh", x, y, index(0))


def rounded_high_half(x: Expression, y: Expression) -> Expression:
    """``floor((x * y + 2**31) / 2**32)`` of int32 lanes."""
    return tirx.call_llvm_pure_intrin("int32x4", "llvm.arm.mve.vrmulh", x, y, index(0))


def rounded_doubled_high_half(x: Expression, y: Expression) -> Expression:
    """``floor((2 x * y + 2**31) / 2**32)`` of int32 lanes, saturated."""
    return tirx.call_llvm_pure_intrin("int32x4", "llvm.arm.mve.vqrdmulh", x, y)


def shifted(x: Expression, left: Expression, *, rounding: bool) -> Expression:
    """Lanes shifted left by those of ``left``; negative ones to the right, rounding half up."""
    modes = (index(0), index(int(rounding)), index(0))
    return tirx.call_llvm_pure_intrin("int32x4", "llvm.arm.mve.vshl.vector", x, left, *modes)


def saturated_words(even: Expression, odd: Expression | None) -> Expression:
    """int16x8 whose even lanes are those of a vector of int32, saturated; the odd ones likewise."""
    nothing = tirx.Broadcast(tirx.IntImm("int16", 0), 8)
    found = _narrow("int16x8", nothing, even, unsigned=False, top=False)
    return found if odd is None else _narrow("int16x8", found, odd, unsigned=False, top=True)


def saturated_bytes(words: Expression, *, unsigned: bool) -> Expression:
    """int16x8 whose low bytes are lanes of int16, saturated to 8 bits."""
    nothing = tirx.Broadcast(tirx.IntImm("int8", 0), BYTES)
    narrow = _narrow("int8x16", nothing, words, unsigned=unsigned, top=False)
    return tirx.reinterpret("int16x8", narrow)


def _narrow(
    dtype: str, into: Expression, x: Expression, *, unsigned: bool, top: bool
) -> Expression:
    modes = (index(int(unsigned)), index(0), index(int(top)))
    return tirx.call_llvm_pure_intrin(dtype, "llvm.arm.mve.vqmovn", into, x, *modes)


def saturating_sum(words: Expression, value: int) -> Expression:
    """Lanes of int16 plus a constant, saturated."""
    addend = tirx.Broadcast(tirx.IntImm("int16", value), 8)
    return tirx.call_llvm_pure_intrin("int16x8", "llvm.sadd.sat", words, addend)


def quad(lanes: list[Expression]) -> Expression:
    """A vector of four int32."""
    return tirx.Shuffle(lanes, [index(lane) for lane in range(QUAD)])


def gathered(buffer: Buffer, at: Expression, offsets: list[int]) -> Expression:
    """int8x16 of four groups of four bytes, each so many bytes behind ``at``; at whole words."""
    place = tirx.address_of(tirx.BufferLoad(buffer, [at]))
    name = "llvm.arm.mve.vldr.gather.offset"
    modes = (index(32), index(0), index(1))
    words = tirx.call_llvm_pure_intrin(
        "int32x4", name, place, quad([index(offset) for offset in offsets]), *modes
    )
    return tirx.reinterpret(f"int8x{BYTES}", words)


def store_interleaved(
    function: Function, buffer: Buffer, at: Expression, vectors: list[Expression]
) -> None:
    """64 bytes from ``at`` on: of four vectors the first bytes, then the second ones, and so on."""
    place = tirx.address_of(tirx.BufferLoad(buffer, [at]))
    for part in range(QUAD):
        call = tirx.call_llvm_intrin("void", "llvm.arm.mve.vst4q", place, *vectors, index(part))
        function.append(statements.Evaluate(call))
