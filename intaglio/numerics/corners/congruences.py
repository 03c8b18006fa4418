# SPDX-License-Identifier: Apache-2.0
"""Which ``t`` bring ``slope * t + offset`` to wanted residues: exact, in logarithmic time."""

from math import gcd

from intaglio.numerics.intervals import Interval


def first_with_residue(
    slope: int, offset: int, modulus: int, residue: int, variables: Interval
) -> int | None:
    """The least ``t`` of ``variables`` with ``slope * t + offset ≡ residue (mod modulus)``.

    Common factors are removed first; what is left has an inverse.

    >>> first_with_residue(6, 1, 16, 5, Interval(0, 99))
    6
    """
    common = gcd(slope, modulus)
    wanted = residue - offset
    if wanted % common:
        return None
    period = modulus // common
    solution = wanted // common * pow(slope // common, -1, period) % period if period > 1 else 0
    first = variables.low + (solution - variables.low) % period
    return first if first <= variables.high else None


def first_within(
    slope: int, offset: int, modulus: int, window: Interval, variables: Interval
) -> int | None:
    """The least ``t`` of ``variables`` with ``(slope * t + offset) mod modulus`` in a window.

    The window's ends are residues too, but may lie in any period: ``[-3, 2]`` crosses zero.

    >>> first_within(7, 0, 100, Interval(50, 51), Interval(0, 99))
    50
    """
    if window.width + 1 >= modulus:
        return variables.low
    if window.width == 0:
        return first_with_residue(slope, offset, modulus, window.low, variables)
    start = slope * variables.low + offset
    low, high = (window.low - start) % modulus, (window.high - start) % modulus
    # A window that crosses zero holds the very first value.
    steps = 0 if low > high or low == 0 else _least_multiple(slope % modulus, modulus, low, high)
    if steps is None or variables.low + steps > variables.high:
        return None
    return variables.low + steps


def _least_multiple(slope: int, modulus: int, low: int, high: int) -> int | None:
    """The least ``u >= 0`` with ``low <= slope * u mod modulus <= high``, ``1 <= low <= high``.

    Either a multiple of the slope lies in the window before the first turn of the modulus, or
    ``slope * u = modulus * k + r`` with the least ``k`` for which ``-modulus * k mod slope`` lies
    in the window modulo the slope: the same question about smaller numbers, as Euclid's algorithm.
    """
    if slope == 0:
        return None
    if 2 * slope > modulus:
        slope, low, high = modulus - slope, modulus - high, modulus - low
    before = -(-low // slope)
    if before * slope <= high:
        return before
    turns = _least_multiple(modulus % slope, slope, -high % slope, -low % slope)
    return None if turns is None else -(-(low + modulus * turns) // slope)
