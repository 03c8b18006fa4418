# SPDX-License-Identifier: Apache-2.0
"""What machines have for sums of 8-bit products: width, registers, instruction."""

from collections.abc import Callable
from dataclasses import dataclass

from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.machine import Instructions

GROUP = 4
"""Products that one lane sums at once."""

Dot = Callable[[Expression, Expression, Expression], Expression]


@dataclass(frozen=True, slots=True)
class Unit:
    """A vector unit.

    Attributes:
        name: in the manifest.
        lanes: of 32 bits.
        accumulators: registers for sums, so that a row of weights and a broadcast fit beside them.
        dot: ``total[lane] + Σ_k unsigned[4 lane + k] signed[4 lane + k]``, all modulo 2**32, of a
            vector of int32 and two vectors of bytes.
    """

    name: str
    lanes: int
    accumulators: int
    dot: Dot


def unit_of(instructions: Instructions) -> Unit | None:
    """The x86 unit of a machine, None where it has none that kernels are written for."""
    match instructions:
        case Instructions.AVX512_VNNI:
            return Unit(instructions.value, 16, 28, _dot_512)
        case Instructions.AVX_VNNI:
            return Unit(instructions.value, 8, 12, _dot_256)
        case Instructions.AVX2:
            return Unit(instructions.value, 8, 8, _dot_avx2)
        case (
            Instructions.NEON_I8MM
            | Instructions.NEON_DOTPROD
            | Instructions.NEON
            | Instructions.MVE
            | Instructions.ARM_DSP
            | Instructions.PORTABLE
        ):
            return None


def _dot_512(total: Expression, unsigned: Expression, signed: Expression) -> Expression:
    return _one_instruction("llvm.x86.avx512.vpdpbusd.512", 16, total, unsigned, signed)


def _dot_256(total: Expression, unsigned: Expression, signed: Expression) -> Expression:
    return _one_instruction("llvm.x86.avx512.vpdpbusd.256", 8, total, unsigned, signed)


def _one_instruction(
    name: str, lanes: int, total: Expression, unsigned: Expression, signed: Expression
) -> Expression:
    return tirx.call_llvm_pure_intrin(
        f"int32x{lanes}",
        name,
        total,
        tirx.reinterpret(f"uint8x{4 * lanes}", unsigned),
        tirx.reinterpret(f"int8x{4 * lanes}", signed),
    )


def _dot_avx2(total: Expression, unsigned: Expression, signed: Expression) -> Expression:
    """Bytes of even and of odd places as 16-bit words, whose products a lane sums in pairs.

    The instruction for bytes themselves saturates at 16 bits; the one for words never overflows:
    two products of at most 255 * 128.
    """
    codes = tirx.reinterpret("uint16x16", unsigned)
    weights = tirx.reinterpret("int16x16", signed)
    eight, by_eight = _words("uint16", 8), _words("int16", 8)
    even_codes = tirx.bitwise_and(codes, _words("uint16", 255))
    even_weights = tirx.shift_right(tirx.shift_left(weights, by_eight), by_eight)
    even = _multiply_add(even_codes, even_weights)
    odd = _multiply_add(tirx.shift_right(codes, eight), tirx.shift_right(weights, by_eight))
    return total + (even + odd)


def _words(dtype: str, value: int) -> Expression:
    return tirx.Broadcast(tirx.IntImm(dtype, value), 16)


def _multiply_add(unsigned: Expression, signed: Expression) -> Expression:
    words = tirx.reinterpret("int16x16", unsigned)
    return tirx.call_llvm_pure_intrin("int32x8", "llvm.x86.avx2.pmadd.wd", words, signed)
