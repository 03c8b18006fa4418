# SPDX-License-Identifier: Apache-2.0
"""Every corner of a requantizer, solved for."""

from collections.abc import Iterator
from fractions import Fraction

from intaglio.numerics import float32
from intaglio.numerics.corners.bins import Bin, Corner, Corners, Event, Impossible, Outcome
from intaglio.numerics.corners.boundary_corners import boundary_outcomes
from intaglio.numerics.corners.branches import solve_affine
from intaglio.numerics.corners.progressions import Progression
from intaglio.numerics.corners.proofs import EndsBefore
from intaglio.numerics.corners.rounding_corners import rounding_outcomes
from intaglio.numerics.corners.scaling_stages import affine_product, rounding_stages
from intaglio.numerics.corners.stage_corners import register_outcomes
from intaglio.numerics.corners.value_corners import (
    accumulator_outcomes,
    clamp_outcomes,
    level_run,
    unclamped_code,
    word_outcomes,
)
from intaglio.numerics.float32 import Float32
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32MultiplyAdd,
    MultiplyAddShift,
    Scaling,
    Stages,
    Thresholds,
)


def corner_accumulators(requantizer: Requantizer, interval: Interval, step: int = 1) -> Corners:
    """Solve for accumulators that hit every corner of a requantizer.

    Corners are exact ties by sign and parity, the nearest values beside ties and integers, carries
    through 1, 2, … bits, the edges of the clamp, the zero point, the steps of thresholds, and the
    ends of words.  Roundings are looked for where no register cuts a value and, so that a wrong one
    shows in the code, strictly within the clamp (on all of it where nothing lies strictly within).

    Nothing is searched at random: congruences are solved by modular inverses and continued
    fractions, monotone functions by bisection, so what isn't found is proved not to exist.

    >>> from intaglio.numerics.rounding import Rounding
    >>> from intaglio.numerics.scalings import MultiplyShift
    >>> scaling = MultiplyShift(77, 12, Rounding.HALF_EVEN)
    >>> corners = corner_accumulators(Requantizer(scaling, 0, -128, 127), Interval(-9999, 9999))
    >>> for hit in corners.hits:
    ...     if "tie" in str(hit.bin):
    ...         print(hit.bin, hit.accumulator, hit.accumulator * 77 / 4096)
    shift: tie, even floor, negative -6144 -115.5
    shift: tie, odd floor, negative -2048 -38.5
    shift: tie, even floor, positive 2048 38.5
    shift: tie, odd floor, positive 6144 115.5

    Args:
        requantizer: which.
        interval: the accumulators that can occur; at the most those that the machine takes.
        step: of them, ``interval.low`` and every ``step``-th above it can occur.
    """
    accumulators = Progression.of(interval, step)
    hits: list[Corner] = []
    impossible: list[Impossible] = []
    undecided: list[Bin] = []
    for outcome in _outcomes(requantizer, accumulators):
        match outcome:
            case Corner():
                hits.append(outcome)
            case Impossible():
                impossible.append(outcome)
            case Bin():
                undecided.append(outcome)
    return Corners(tuple(hits), tuple(impossible), tuple(undecided))


def _outcomes(requantizer: Requantizer, accumulators: Progression) -> Iterator[Outcome | Bin]:
    scaling = requantizer.scaling
    yield from accumulator_outcomes(accumulators)
    if isinstance(scaling, DoubleRounding | MultiplyAddShift):
        word = scaling.monotone_domain
        if word is not None:
            yield from word_outcomes("word", _checked_word(scaling, word), accumulators)
    if isinstance(scaling, Stages):
        yield from register_outcomes(scaling, accumulators)
    domain = scaling.monotone_domain
    monotone = accumulators if domain is None else accumulators.within(domain)
    if monotone is None:
        return
    yield from _product_outcomes(scaling, monotone)
    yield from clamp_outcomes(requantizer, monotone)
    if isinstance(scaling, Thresholds):
        yield from _step_outcomes(scaling, monotone)
    visible = _visible(requantizer, monotone)
    if visible is None:
        return
    for stage in rounding_stages(scaling, visible):
        yield from rounding_outcomes(stage)
    if isinstance(scaling, Float32MultiplyAdd):
        direction, mode = scaling.direction, scaling.rounding
        yield from boundary_outcomes(
            "integer", lambda x: _float_sum(scaling, x), direction, mode, visible
        )


def _checked_word(scaling: Scaling, word: Interval) -> Interval | None:
    """The monotone domain as the accumulators that don't wrap: ``[0, 0]`` may stand for none."""
    if isinstance(scaling, MultiplyAddShift) and scaling.sum_type is not None:
        if not scaling.sum_type.contains(word.low * scaling.multiplier + scaling.addend):
            return None
    return word


def _product_outcomes(scaling: Scaling, domain: Progression) -> Iterator[Outcome]:
    """Where the product needs its last bit."""
    product = affine_product(scaling)
    if product is None:
        return
    slope, offset = product
    ends = [slope * x + offset for x in (domain.hull.low, domain.hull.high)]
    bits = Interval(min(ends), max(ends)).signed_bits
    half = 1 << max(bits - 2, 0)
    narrow = solve_affine(slope, offset, -half, half - 1, domain.hull)
    yield from word_outcomes(f"product of {bits} bits", narrow, domain)


def _visible(requantizer: Requantizer, domain: Progression) -> Progression | None:
    """The accumulators strictly within the clamp, or on it where there are none."""
    unclamped, direction = unclamped_code(requantizer), requantizer.scaling.direction
    low, high = requantizer.low, requantizer.high
    if high - low >= 2:
        inside = level_run(unclamped, direction, Interval(low + 1, high - 1), domain)
        if isinstance(inside, Progression):
            return inside
    whole = level_run(unclamped, direction, Interval(low, high), domain)
    return whole if isinstance(whole, Progression) else None


def _step_outcomes(scaling: Thresholds, domain: Progression) -> Iterator[Outcome]:
    """Each threshold, and the accumulator before it."""
    for number, threshold in enumerate(scaling.values):
        on = Bin("thresholds", Event.STEP, f"step {number}")
        below = Bin("thresholds", Event.BELOW_STEP, f"step {number}")
        index = domain.first_index(lambda x, step=threshold: x >= step)  # type: ignore[misc]
        if index is None:
            end = domain.hull.high
            yield Impossible(on, EndsBefore(end, end))
        else:
            yield Corner(on, domain.at(index))
        before = domain.indices.high if index is None else index - 1
        if before < domain.indices.low:
            yield Impossible(below, EndsBefore(domain.hull.low, domain.hull.low))
        else:
            yield Corner(below, domain.at(before))


def _float_sum(scaling: Float32MultiplyAdd, x: int) -> Fraction:
    """What is rounded last."""
    product = float32.multiply(Float32.from_integer(x), scaling.factor)
    return float32.add(product, scaling.addend).fraction
