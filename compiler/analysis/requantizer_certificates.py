# SPDX-License-Identifier: Apache-2.0
"""What is proved of each requantizer of a fixed graph on the accumulators that can come.

Staircases say where outputs differ from those of the exact real scale, and which multiplier of
fewest bits gives the same output everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from intaglio.compiler.analysis.sum_certificates import RefusedSum, SumCertificate
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.errors import InvalidOption
from intaglio.numerics.channel_staircases import (
    ChannelStaircases,
    channel_staircases,
    count_differences,
)
from intaglio.numerics.intervals import Interval
from intaglio.numerics.real_scalings import RealScaling, real_scaling
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift, RationalMultiply
from intaglio.numerics.smallest_multipliers import smallest_multipliers

Multipliers = tuple[MultiplyShift | None, ...]
"""By channel; None where no multiply-shift of at most 62 bits serves."""


NO_SCALES = "a fixed graph has forgotten the scales; prove the model that it was lowered from"
NO_SUM = "they rescale no convolution, matrix product, mean or sum"


@dataclass(frozen=True, slots=True)
class AgainstReal:
    """A requantizer beside the exact real scale, with its own rounding, zero point and clamp.

    Attributes:
        scales: by channel the exact product of the model's float32 scales.
        errors: by channel ``|factor - scale| / scale``, exact.
        differing: by channel, on how many reachable accumulators the outputs differ.
        smallest: by channel the multiply-shift of fewest bits that equals the exact scale.
    """

    scales: tuple[Fraction, ...]
    errors: tuple[Fraction, ...]
    differing: tuple[int, ...]
    smallest: Multipliers


@dataclass(frozen=True, slots=True)
class RequantizerCertificate:
    """What is proved of the requantizers of one node.

    Attributes:
        node: the node.
        reachable: by channel, the accumulators that can come.
        smallest: by channel the multiply-shift of fewest bits that changes no output.
        real: the requantizers beside the real scale; None where that isn't known.
        unknown: why there is no real scale; empty where there is one.
    """

    node: Node
    reachable: tuple[Interval, ...]
    smallest: Multipliers
    real: AgainstReal | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRequantizer:
    """Requantizers of which nothing is certified, and why."""

    node: Node
    reason: str


def multiplier_bits(multipliers: Multipliers) -> int | None:
    """Bits of magnitude that hold all multipliers of a layer; None where a channel has none."""
    if any(each is None for each in multipliers):
        return None
    return max(abs(each.multiplier).bit_length() for each in multipliers if each is not None)


def requantizer_certificates(
    graph: Graph,
    sums: Sequence[SumCertificate | RefusedSum],
    scales: Mapping[str, tuple[Fraction, ...]],
) -> tuple[RequantizerCertificate | RefusedRequantizer, ...]:
    """What is proved of every requantization of a fixed graph, in the graph's order.

    Args:
        graph: the fixed graph.
        sums: what is proved of its sums.
        scales: by the name of a sum, the real scale by which it is requantized, of each channel or
            one for all; see ``real_scales``.
    """
    proved = {each.node.name: each for each in sums if isinstance(each, SumCertificate)}
    missing = NO_SUM if scales else NO_SCALES
    found: list[RequantizerCertificate | RefusedRequantizer] = []
    for node, op in graph.nodes_of(fixed.Requantize):
        name = node.operands[0]
        whole = (graph.type_of(name).integer.interval,)
        reachable = proved[name].reachable if name in proved else whole
        try:
            found.append(_certified(node, op.requantizers, reachable, scales.get(name, missing)))
        except InvalidOption as error:
            found.append(RefusedRequantizer(node, str(error)))
    return tuple(found)


def _certified(
    node: Node,
    requantizers: tuple[Requantizer, ...],
    reachable: tuple[Interval, ...],
    scales: tuple[Fraction, ...] | str,
) -> RequantizerCertificate | RefusedRequantizer:
    count = max(len(requantizers), len(reachable))
    each = requantizers * (count // len(requantizers))
    within = reachable * (count // len(reachable))
    real = [_last_rounding(real_scaling(one.scaling)) for one in each]
    roundings = [Rounding.HALF_TOWARD_POSITIVE if one is None else one.rounding for one in real]
    own = channel_staircases(each, within)
    if (own.direction < 0).any():
        return RefusedRequantizer(node, "a channel falls where the accumulator rises")
    smallest = smallest_multipliers(each, own, roundings)
    if isinstance(scales, str):
        return RequantizerCertificate(node, within, smallest, None, scales)
    factors = [one.factor for one in real if one is not None and one.offset == 0]
    if len(factors) < count:
        return RequantizerCertificate(
            node,
            within,
            smallest,
            None,
            "it isn't one factor: it adds to the product, or has steps",
        )
    exact = scales * (count // len(scales))
    ideal = [
        Requantizer(
            RationalMultiply(scale.numerator, scale.denominator, rounding),
            one.zero_point,
            one.low,
            one.high,
        )
        for one, scale, rounding in zip(each, exact, roundings, strict=True)
    ]
    steps = channel_staircases(ideal, within)
    differing = tuple(count_differences(own, steps).tolist())
    errors = tuple(
        abs(factor - scale) / scale for factor, scale in zip(factors, exact, strict=True)
    )
    best = _smallest_of_ideal(ideal, steps, roundings, smallest, differing)
    return RequantizerCertificate(
        node, within, smallest, AgainstReal(exact, errors, differing, best)
    )


def _smallest_of_ideal(
    ideal: Sequence[Requantizer],
    steps: ChannelStaircases,
    roundings: Sequence[Rounding],
    smallest: Multipliers,
    differing: Sequence[int],
) -> Multipliers:
    """What serves the requantizer serves the real scale where no output differs."""
    if not any(differing):
        return smallest
    return smallest_multipliers(ideal, steps, roundings)


def _last_rounding(real: RealScaling | None) -> RealScaling | None:
    """The same, with a half that is added before a floor as the rounding that it makes."""
    if real is not None and real.rounding is Rounding.FLOOR and real.offset == Fraction(1, 2):
        return RealScaling(real.factor, Fraction(0), Rounding.HALF_TOWARD_POSITIVE)
    return real
