# SPDX-License-Identifier: Apache-2.0
"""The roundings of a product in floating point, binade by binade: within one all is affine."""

from collections.abc import Iterator
from dataclasses import replace
from math import gcd

from intaglio.numerics.binary_format import BinaryFloat
from intaglio.numerics.corners.branches import Branch, RoundingStage, solve_affine
from intaglio.numerics.corners.congruences import first_with_residue
from intaglio.numerics.corners.progressions import Progression
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, divide


def float_stages(
    factor: BinaryFloat, rounding: Rounding, domain: Progression
) -> tuple[RoundingStage, ...]:
    """``round(fl(fl(x) * factor))``: the conversion, the product, the last rounding."""
    branches = tuple(_integer_branches(factor, domain))
    return (
        conversion_stage(factor, domain),
        product_stage(factor, domain),
        RoundingStage("integer", rounding, branches, _all_converted(factor, domain)),
    )


def conversion_stage(factor: BinaryFloat, domain: Progression) -> RoundingStage:
    """``fl(x)``: integers of more bits than the precision lose some."""
    precision = factor.form.precision
    branches: list[Branch] = []
    for sign in (-1, 1):
        for dropped in range(1, _excess(domain, precision) + 1):
            low, high = 1 << (precision + dropped - 1), (1 << (precision + dropped)) - 1
            limits = Interval(low, high) if sign > 0 else Interval(-high, -low)
            part = domain.within(limits)
            if part is not None:
                branches.append(affine_branch(part, 1, 0, 1 << dropped))
    return RoundingStage("convert", Rounding.HALF_EVEN, tuple(branches))


def product_stage(factor: BinaryFloat, domain: Progression) -> RoundingStage:
    """``fl(X * factor)`` of the converted accumulator ``X``."""
    branches = tuple(branch for branch, _ in _products(factor, domain))
    return RoundingStage("product", Rounding.HALF_EVEN, branches, _all_converted(factor, domain))


def _all_converted(factor: BinaryFloat, domain: Progression) -> bool:
    """Whether the pieces stand for all accumulators: see ``_multiples``."""
    return domain.step == 1 or _excess(domain, factor.form.precision) == 0


def affine_branch(domain: Progression, slope: int, offset: int, denominator: int) -> Branch:
    """``v = slope * x + offset`` on a progression of accumulators."""
    return Branch(
        variables=domain.indices,
        slope=slope * domain.step,
        offset=slope * domain.first + offset,
        denominator=denominator,
        first=domain.first,
        stride=domain.step,
        limits=domain.hull,
    )


def _integer_branches(factor: BinaryFloat, domain: Progression) -> Iterator[Branch]:
    for branch, exponent in _products(factor, domain):
        # Beyond the precision a product is an integer, and nothing is left to round.
        yield replace(
            branch,
            unit=branch.denominator,
            inner=Rounding.HALF_EVEN,
            denominator=1 << max(-exponent, 0),
        )


def _products(factor: BinaryFloat, domain: Progression) -> Iterator[tuple[Branch, int]]:
    """Pieces on which the product drops equally many bits, each with the result's exponent.

    ``v = significand * X / 2**j`` for ``X`` a multiple of ``2**j``; the result is
    ``half_even(v / denominator) * 2**exponent``.
    """
    form = factor.form
    negative, magnitude, exponent = factor.dyadic
    significand = -magnitude if negative else magnitude
    for piece, zeros in _converted(domain, form.precision):
        scaled = replace(piece, slope=piece.slope * significand, offset=piece.offset * significand)
        ends = (piece.variables.low, piece.variables.high)
        widest = max(abs(scaled.slope * t + scaled.offset) for t in ends).bit_length()
        power = exponent + zeros
        for sign in (-1, 1):
            for bits in range(1, widest + 1):
                low, high = 1 << (bits - 1), (1 << bits) - 1
                bounds = (low, high) if sign > 0 else (-high, -low)
                part = solve_affine(scaled.slope, scaled.offset, *bounds, scaled.variables)
                if part is None:
                    continue
                quantum = max(power + bits - form.precision, form.lowest_exponent)
                dropped = max(quantum - power, 0)
                branch = replace(scaled, variables=part, denominator=1 << dropped)
                yield branch, power + dropped


def _converted(domain: Progression, precision: int) -> Iterator[tuple[Branch, int]]:
    """``v = X / 2**j`` for the converted accumulators ``X``, with ``j``."""
    exact = domain.within(Interval(-(1 << precision), 1 << precision))
    if exact is not None:
        yield affine_branch(exact, 1, 0, 1), 0
    for sign in (-1, 1):
        for zeros in range(1, _excess(domain, precision) + 1):
            branch = _multiples(domain, precision, zeros, sign)
            if branch is not None:
                yield branch, zeros


def _multiples(domain: Progression, precision: int, zeros: int, sign: int) -> Branch | None:
    """The floats ``t * 2**zeros`` of one binade that accumulators are converted to."""
    size = 1 << zeros
    low, high = (1 << (precision - 1)) + 1, 1 << precision
    binade = Interval(low, high) if sign > 0 else Interval(-high, -low)
    if domain.step == 1:
        hull = domain.hull
        ends = Interval(
            divide(hull.low, size, Rounding.HALF_EVEN), divide(hull.high, size, Rounding.HALF_EVEN)
        )
        if not ends.intersects(binade):
            return None
        variables = Interval(max(ends.low, binade.low), min(ends.high, binade.high))
        return Branch(variables, 1, 0, 1, 0, size, hull)
    # Of accumulators farther apart, those alone that are converted exactly.
    part = domain.within(Interval(binade.low * size, binade.high * size))
    if part is None:
        return None
    index = first_with_residue(part.step, part.first, size, 0, part.indices)
    if index is None:
        return None
    first = part.at(index)
    stride = part.step * size // gcd(part.step, size)
    count = (part.hull.high - first) // stride
    return Branch(
        Interval(0, count),
        stride // size,
        first // size,
        1,
        first,
        stride,
        part.hull,
    )


def _excess(domain: Progression, precision: int) -> int:
    """By how many bits the longest accumulator exceeds the precision."""
    return max(domain.hull.magnitude.bit_length() - precision, 0)
