# SPDX-License-Identifier: Apache-2.0
"""Floats in integers: the bits of a machine's floats, and of exact arithmetic."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from intaglio.compiler.targets.tvm.routines.floats import FLOATS
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from tests.compiler.targets.tvm.routines.calling import results

pytestmark = pytest.mark.emulated

MOST = 0x7F7FFFFF
INFINITY = 0x7F800000
INTEGERS = [
    *(0, 1, 2, 3, 2**23, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 2, 2**24 + 3, 2**25 + 2, 2**25 + 6),
    *(2**30, 2**31 - 65, 2**31 - 64, 2**31 - 63, 2**31 - 1, 2**40 + 2**16, 2**53 + 1, 2**62),
    *(2**63 - 1, 3 * 2**40 + 2**16, 3 * 2**40 + 2**16 + 1),
]


def _float(bits: int) -> np.float32:
    return np.uint32(bits % (1 << 32)).view(np.float32)


def _value(bits: int) -> float:
    return float(_float(bits))


def _bits(value: float | np.float32) -> int:
    return int(np.float32(value).view(np.uint32))


def _floats() -> list[int]:
    """Of every exponent the least and the largest, and what lies beside halves of integers."""
    magnitudes = {exponent << 23 | f for exponent in range(0, 255, 9) for f in (0, 1, 0x7FFFFF)}
    magnitudes |= {0, 1, 2, 0x7FFFFF, 0x800000, 0x800001, MOST}
    for number in (0.5, 1.0, 1.5, 2.5, 3.0, 127.5, 128.5, 255.5, 8388607.5, 8388608.0, 0.1, 0.25):
        magnitudes |= {_bits(number) + step for step in (-1, 0, 1)}
    return sorted(magnitudes | {bits | 1 << 31 for bits in magnitudes})


def _pairs(random: Random) -> list[tuple[int, int]]:
    some = random.sample(_floats(), 55)
    pairs = [(a, b) for a in some for b in some]
    for _ in range(3000):
        a = random.getrandbits(32)
        # An exponent that isn't far: sums that cancel, and carries.
        b = (a + (random.randrange(-30, 31) << 23)) ^ random.choice((0, 1 << 31))
        b = (b & ~0x7FFFFF | random.getrandbits(23)) % (1 << 32)
        pairs += [(a, b), (a, a ^ 1 << 31)]
    return [pair for pair in pairs if all(bits & INFINITY != INFINITY for bits in pair)]


def _by_machine(
    operation: Callable[[np.float32, np.float32], np.float32],
) -> Callable[[int, int], int]:
    def expected(a: int, b: int) -> int:
        with np.errstate(all="ignore"):
            return _bits(operation(_float(a), _float(b)))

    return expected


def _integral(operation: Callable[[float], float]) -> Callable[[int], int]:
    def expected(bits: int) -> int:
        value = _value(bits)
        return bits if math.isinf(value) else _bits(math.copysign(operation(value), value))

    return expected


def _fused(a: int, b: int, c: int) -> int:
    return float32.fused_multiply_add(Float32(a), Float32(b), Float32(c)).bits


def _compared(a: int, b: int) -> int:
    return (_value(a) > _value(b)) - (_value(a) < _value(b))


UNARY: dict[str, Callable[[int], int]] = {
    "roundevenf": _integral(round),
    "truncf": _integral(math.trunc),
    "floorf": _integral(math.floor),
    "ceilf": _integral(math.ceil),
}
BINARY: dict[str, Callable[[int, int], int]] = {
    "__addsf3": _by_machine(lambda a, b: a + b),
    "__subsf3": _by_machine(lambda a, b: a - b),
    "__mulsf3": _by_machine(lambda a, b: a * b),
    "__divsf3": _by_machine(lambda a, b: a / b),
    **{f"__{how}sf2": _compared for how in ("eq", "ne", "lt", "le", "gt", "ge")},
    "__unordsf2": lambda a, b: 0,
}
FROM_INTEGERS = {
    "__floatsisf": (32, True),
    "__floatunsisf": (32, False),
    "__floatdisf": (64, True),
    "__floatundisf": (64, False),
}
TO_INTEGERS = {
    "__fixsfsi": (32, True),
    "__fixunssfsi": (32, False),
    "__fixsfdi": (64, True),
    "__fixunssfdi": (64, False),
}


def _integers(bits: int, signed: bool, random: Random) -> list[tuple[int, ...]]:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    found = [sign * value for value in INTEGERS for sign in (1, -1)] + [low, high]
    found += [random.randrange(low, high) >> random.randrange(bits) for _ in range(1000)]
    return [(value,) for value in found if low <= value <= high]


def _fused_operands(random: Random) -> list[tuple[int, int, int]]:
    """With sums that cancel but for the product's low bits, and results that stay finite."""
    found: list[tuple[int, int, int]] = []
    for _ in range(3000):
        a, b = (random.randrange(60, 170) << 23 | random.getrandbits(23) for _ in range(2))
        product = _bits(np.float32(_value(a)) * np.float32(_value(b)))
        step = random.choice((0, 1, -1, random.randrange(-(1 << 28), 1 << 28)))
        c = min(max(product + step, 0), MOST) ^ random.choice((0, 1 << 31))
        found.append((a ^ random.choice((0, 1 << 31)), b, c))
    small = [0, 1, 0x7FFFFF, 0x800000, 0x3F800000, 0x3F800001, 0xBF800000, 0x80000001, 0x5F000000]
    return found + [(a, b, c) for a in small for b in small for c in small]


def _expected(symbol: str, arguments: Sequence[int]) -> int:
    if symbol in FROM_INTEGERS:
        return Float32.from_integer(arguments[0]).bits
    if symbol in TO_INTEGERS:
        return int(_value(arguments[0]))
    if symbol == "fmaf":
        return _fused(*arguments)
    if symbol in UNARY:
        return UNARY[symbol](arguments[0])
    return BINARY[symbol](arguments[0], arguments[1])


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4"])
def test_every_routine_rounds_once(target: str, tmp_path: Path) -> None:
    random = Random(7)
    signatures: dict[str, tuple[int, ...]] = {"fmaf": (32, 32, 32, 32)}
    arguments: dict[str, list[tuple[int, ...]]] = {"fmaf": [*_fused_operands(random)]}
    for symbol in UNARY:
        signatures[symbol] = (32, 32)
        arguments[symbol] = [(bits,) for bits in [*_floats(), INFINITY, INFINITY | 1 << 31]]
    for symbol in BINARY:
        signatures[symbol] = (32, 32, 32)
        arguments[symbol] = [*_pairs(random)]
        if symbol == "__divsf3":
            arguments[symbol] = [(a, b) for a, b in _pairs(random) if b % (1 << 31)]
        if symbol in ("__divsf3", "__mulsf3"):
            finite = [_bits(value) for value in (0.001, -3.0, 1e30)]
            arguments[symbol] += [(a, b) for a in (INFINITY, INFINITY | 1 << 31) for b in finite]
    for symbol, (bits, signed) in FROM_INTEGERS.items():
        signatures[symbol] = (bits, 32)
        arguments[symbol] = _integers(bits, signed, random)
    for symbol, (bits, signed) in TO_INTEGERS.items():
        signatures[symbol] = (32, bits)
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
        arguments[symbol] = [(f,) for f in _floats() if low <= _value(f) < high]
    assert arguments.keys() == FLOATS.keys()
    found = results(target, FLOATS, signatures, arguments, tmp_path)
    for symbol, lists in arguments.items():
        word = 1 << signatures[symbol][-1]
        for each, result in zip(lists, found[symbol].tolist(), strict=True):
            assert result % word == _expected(symbol, each) % word, (symbol, [*map(hex, each)])
