# SPDX-License-Identifier: Apache-2.0
"""Words of 64 bits on processors of 32: what Python's integers say."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from intaglio.compiler.targets.tvm.routines.integers import INTEGERS
from tests.compiler.targets.tvm.routines.calling import results

pytestmark = pytest.mark.emulated

Operation = Callable[[int, int], int]


def _wrap(value: int, bits: int) -> int:
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def _toward_zero(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _unsigned(operation: Operation, bits: int) -> Operation:
    return lambda a, b: operation(a % (1 << bits), b % (1 << bits))


def _remainder(a: int, b: int) -> int:
    return a - b * _toward_zero(a, b)


# The second operand of one of one operand is 0.
EXPECTED: dict[str, tuple[Operation, tuple[int, ...]]] = {
    "__muldi3": (lambda a, b: a * b, (64, 64, 64)),
    "__ashldi3": (lambda a, n: a << n, (64, 32, 64)),
    "__lshrdi3": (lambda a, n: a % (1 << 64) >> n, (64, 32, 64)),
    "__ashrdi3": (lambda a, n: a >> n, (64, 32, 64)),
    "__clzsi2": (lambda a, _: 32 - (a % (1 << 32)).bit_length(), (32, 32)),
    "__divsi3": (_toward_zero, (32, 32, 32)),
    "__udivsi3": (_unsigned(lambda a, b: a // b, 32), (32, 32, 32)),
    "__modsi3": (_remainder, (32, 32, 32)),
    "__umodsi3": (_unsigned(lambda a, b: a % b, 32), (32, 32, 32)),
    "__divdi3": (_toward_zero, (64, 64, 64)),
    "__udivdi3": (_unsigned(lambda a, b: a // b, 64), (64, 64, 64)),
    "__moddi3": (_remainder, (64, 64, 64)),
    "__umoddi3": (_unsigned(lambda a, b: a % b, 64), (64, 64, 64)),
}


def _edges(bits: int) -> list[int]:
    """Beside every power of two, and patterns that carry through whole words."""
    near = {sign * (1 << k) + d for k in range(bits) for sign in (1, -1) for d in (-1, 0, 1)}
    found = near | {0x5555555555555555, 0x123456789ABCDEF, 0xFFFF0001FFFF, 10**9 + 7, 10, 3, 7}
    return sorted({_wrap(value, bits) for value in found})


def _arguments(symbol: str, bits: tuple[int, ...]) -> list[tuple[int, int]]:
    random = Random(symbol)
    if len(bits) == 1:
        return [(a, 0) for a in _edges(bits[0])]
    first = _edges(bits[0])
    if bits == (64, 32):
        return [(a, n) for a in first for n in range(64)]
    few = [*random.sample(first, 60), 0, 1, -1, first[0], first[-1]]
    pairs = [(a, b) for a in few for b in few]
    for _ in range(2000):
        a, b = (_wrap(random.getrandbits(64) >> random.randrange(64), n) for n in bits)
        pairs.append((a, b))
    divides = "div" in symbol or "mod" in symbol
    return [(a, b) for a, b in pairs if not divides or (b and (a, b) != (min(first), -1))]


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4"])
def test_every_routine_is_pythons(target: str, tmp_path: Path) -> None:
    assert EXPECTED.keys() == INTEGERS.keys()
    signatures = {symbol: bits for symbol, (_, bits) in EXPECTED.items()}
    arguments = {symbol: _arguments(symbol, bits[:-1]) for symbol, bits in signatures.items()}
    found = results(target, INTEGERS, signatures, arguments, tmp_path)
    for symbol, (expected, bits) in EXPECTED.items():
        for each, result in zip(arguments[symbol], found[symbol].tolist(), strict=True):
            assert result == _wrap(expected(*each), bits[-1]), (symbol, each)
