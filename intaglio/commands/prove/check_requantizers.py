# SPDX-License-Identifier: Apache-2.0
"""Checks what a certificate says of requantizers, by bisection of every step: no analysis.

That a multiply-shift equals a requantizer is tested at every accumulator where the output steps and
at the one before, which decides it for all between.  That none of fewer bits does follows from
three others: the next smaller multiplier, and the two neighbours of its half at one shift less.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.real_scalings import real_scaling
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift, RationalMultiply
from intaglio.numerics.vectorized import prepare

Array = npt.NDArray[np.int64]
_BLOCK = 1 << 18
_WIDEST = 62
_QUOTIENT = re.compile(r"[0-9]{1,999}(/[0-9]{1,999})?")


def check_requantizers(certificate: Mapping[str, Any], graph: Graph) -> None:
    """Raise ValueError unless all that the certificate says of requantizers follows.

    Of claims beside the real scale, the scale itself is the certificate's word: a fixed graph has
    forgotten it.

    Args:
        certificate: the document; what it says of sums is true.
        graph: the graph that it speaks of.
    """
    sums = {each["value"]: each for each in certificate["sums"] if "refused" not in each}
    nodes = list(graph.nodes_of(fixed.Requantize))
    claims: list[dict[str, Any]] = certificate["requantizers"]
    if [node.name for node, _ in nodes] != [claim["value"] for claim in claims]:
        raise ValueError("it leaves requantizers out, or speaks of others")
    for (node, op), claim in zip(nodes, claims, strict=True):
        if "refused" not in claim:
            _check(node, op.requantizers, claim, *_reachable(graph, node, sums))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Where outputs step, by step and channel; rows beyond a channel's last repeat it.

    Attributes:
        low: the first accumulator of each channel.
        high: the last one.
        base: the output at ``low``.
        top: the output at ``high``.
        first: the first accumulator whose output is ``base + row + 1`` or more.
    """

    low: Array
    high: Array
    base: Array
    top: Array
    first: Array

    @property
    def deciding(self) -> Array:
        """The accumulators at which equal outputs mean equal outputs everywhere."""
        return np.concatenate([self.first, self.first - 1, self.low[None], self.high[None]]).clip(
            self.low, self.high
        )

    def of_codes(self, codes: Array) -> Array:
        """The first accumulator whose output is a code or more; one beyond where none is."""
        if not self.first.size:
            return np.where(codes <= self.base, self.low, self.high + 1)
        rows = np.clip(codes - self.base - 1, 0, len(self.first) - 1)
        first = np.take_along_axis(self.first, rows, axis=0)
        return np.where(
            codes <= self.base, self.low, np.where(codes > self.top, self.high + 1, first)
        )


def _reachable(
    graph: Graph, node: Node, sums: Mapping[str, Any]
) -> tuple[Sequence[int], Sequence[int]]:
    """By channel the ends of what the accumulator can hold, from what is said of its sums."""
    name = node.operands[0]
    definition = graph.definitions[name]
    word = graph.type_of(name).integer.interval
    if name not in sums or not isinstance(definition, Node):
        return [word.low], [word.high]
    op = definition.op
    assert isinstance(op, fixed.Conv2d | fixed.ConvTranspose2d | fixed.MatMul | fixed.ReduceSum)
    within = zip(*(_ends(sums[name][key]) for key in ("weights_known", "any_order")), strict=True)
    pairs = [_held(op.accumulator, final, every) for final, every in within]
    return [low for low, _ in pairs], [high for _, high in pairs]


def _ends(bounds: Mapping[str, Any]) -> list[tuple[int, int]]:
    return list(zip(bounds["low"], bounds["high"], strict=True))


def _held(
    accumulator: Accumulator, final: tuple[int, int], every: tuple[int, int]
) -> tuple[int, int]:
    word = accumulator.type
    safe = every if accumulator.overflow is Overflow.SATURATE_EACH_ADD else final
    if word.contains(safe[0]) and word.contains(safe[1]):
        return final
    if accumulator.overflow in (Overflow.SATURATE, Overflow.TRAP):
        return word.saturate(final[0]), word.saturate(final[1])
    return word.minimum, word.maximum


def _check(
    node: Node,
    requantizers: tuple[Requantizer, ...],
    claim: Mapping[str, Any],
    lows: Sequence[int],
    highs: Sequence[int],
) -> None:
    count = max(len(requantizers), len(lows))
    each = requantizers * (count // len(requantizers))
    lows, highs = list(lows) * (count // len(lows)), list(highs) * (count // len(highs))
    if claim["reachable"] != {"low": lows, "high": highs}:
        raise ValueError(f"{node.name}: other accumulators can come than it says")
    real: dict[str, Any] | None = claim["real"]
    columns = [*claim["smallest"].values(), *([] if real is None else _columns(real))]
    if any(len(column) != count for column in columns):
        raise ValueError(f"{node.name}: it leaves channels out")
    block = max(1, _BLOCK // (max(one.high - one.low for one in each) + 1))
    for start in range(0, count, block):
        part = slice(start, start + block)
        low, high = np.array(lows[part], np.int64), np.array(highs[part], np.int64)
        own = _steps(each[part], low, high)
        _check_smallest(node, each[part], own, _part(claim["smallest"], part))
        if real is not None:
            _check_real(node, each[part], own, _real_part(real, part))


def _columns(real: Mapping[str, Any]) -> list[Sequence[object]]:
    return [
        real["scale"],
        real["relative_error"],
        real["differing"],
        *real["smallest"].values(),
    ]


def _part(columns: Mapping[str, Any], part: slice) -> dict[str, Any]:
    return {name: column[part] for name, column in columns.items()}


def _real_part(real: Mapping[str, Any], part: slice) -> dict[str, Any]:
    rest = {name: real[name] for name in ("scale", "relative_error", "differing")}
    return _part(rest, part) | {"smallest": _part(real["smallest"], part)}


def _steps(requantizers: Sequence[Requantizer], low: Array, high: Array) -> _Steps:
    for one, first, last in zip(requantizers, low.tolist(), high.tolist(), strict=True):
        domain = one.scaling.monotone_domain
        if domain is not None and not (domain.contains(first) and domain.contains(last)):
            raise ValueError("a requantizer isn't monotone on what can come")
    prepared = prepare(requantizers)
    base, top = (prepared.apply(end[None])[0] for end in (low, high))
    if (base > top).any():
        raise ValueError("a requantizer falls, and only rising ones can be checked")
    codes = base + np.arange(1, int((top - base).max()) + 1)[:, None]
    below, reached = np.broadcast_to(low, codes.shape), np.broadcast_to(high, codes.shape)
    codes = np.minimum(codes, top)
    while (reached - below > 1).any():
        middle = (below + reached) >> 1
        made = prepared.apply(middle) >= codes
        below, reached = np.where(made, below, middle), np.where(made, middle, reached)
    return _Steps(low, high, base, top, reached)


def _check_smallest(
    node: Node, targets: Sequence[Requantizer], steps: _Steps, claim: Mapping[str, Any]
) -> None:
    """That each multiply-shift equals its target, and that none of fewer bits does."""
    said = list(zip(claim["multiplier"], claim["shift"], claim["rounding"], strict=True))
    for (multiplier, shift, rounding), bits, target in zip(
        said, claim["bits"], targets, strict=True
    ):
        if multiplier is not None and not (0 <= shift <= _WIDEST and bits <= _WIDEST):
            raise ValueError(f"{node.name}: a multiplier or its shift is too wide")
        if (None if multiplier is None else abs(multiplier).bit_length()) != bits:
            raise ValueError(f"{node.name}: a multiplier hasn't the bits that it says")
        if multiplier is not None and Rounding(rounding) is not _rounding(target):
            raise ValueError(f"{node.name}: a multiplier rounds in another way than it should")
    points = steps.deciding
    wanted = prepare(targets).apply(points)
    if not _equal(targets, [each[:2] for each in said], points, wanted).all():
        raise ValueError(f"{node.name}: a multiplier changes outputs")
    for smaller in (_one_less, _half_below, _half_above):
        rivals = [smaller(*each[:2]) for each in said]
        serving = _equal(targets, rivals, points, wanted)
        if any(
            rival[0] is not None and serves for rival, serves in zip(rivals, serving, strict=True)
        ):
            raise ValueError(f"{node.name}: a smaller multiplier serves as well")


Rival = tuple[int | None, int | None]


def _one_less(multiplier: int | None, shift: int | None) -> Rival:
    if not multiplier or shift is None:
        return None, None
    return (multiplier - 1 if multiplier > 0 else multiplier + 1), shift


def _half_below(multiplier: int | None, shift: int | None) -> Rival:
    return (multiplier // 2, shift - 1) if multiplier and shift else (None, None)


def _half_above(multiplier: int | None, shift: int | None) -> Rival:
    return (-(-multiplier // 2), shift - 1) if multiplier and shift else (None, None)


def _equal(
    targets: Sequence[Requantizer], said: Sequence[Rival], points: Array, wanted: Array
) -> npt.NDArray[np.bool_]:
    """By channel, whether a multiply-shift gives what is wanted; true where none is said."""
    each = [
        target
        if multiplier is None or shift is None
        else Requantizer(
            MultiplyShift(multiplier, shift, _rounding(target)),
            target.zero_point,
            target.low,
            target.high,
        )
        for target, (multiplier, shift) in zip(targets, said, strict=True)
    ]
    same: npt.NDArray[np.bool_] = (prepare(each).apply(points) == wanted).all(axis=0)
    return same


def _rounding(requantizer: Requantizer) -> Rounding:
    real = real_scaling(requantizer.scaling)
    if real is None:
        return Rounding.HALF_TOWARD_POSITIVE
    halves = real.rounding is Rounding.FLOOR and real.offset == Fraction(1, 2)
    return Rounding.HALF_TOWARD_POSITIVE if halves else real.rounding


def _check_real(
    node: Node,
    each: Sequence[Requantizer],
    own: _Steps,
    claim: Mapping[str, Any],
) -> None:
    ideal: list[Requantizer] = []
    for one, text, error in zip(each, claim["scale"], claim["relative_error"], strict=True):
        real, scale = real_scaling(one.scaling), _fraction(text)
        if real is None or scale <= 0 or abs(real.factor - scale) / scale != _fraction(error):
            raise ValueError(f"{node.name}: a scale's relative error is another")
        exact = RationalMultiply(scale.numerator, scale.denominator, _rounding(one))
        ideal.append(Requantizer(exact, one.zero_point, one.low, one.high))
    steps = _steps(ideal, own.low, own.high)
    if _differing(own, steps).tolist() != claim["differing"]:
        raise ValueError(f"{node.name}: another number of accumulators differs")
    _check_smallest(node, ideal, steps, claim["smallest"])


def _fraction(text: str) -> Fraction:
    """A plain quotient: an exponent could ask for more digits than memory holds."""
    if not _QUOTIENT.fullmatch(text):
        raise ValueError("a fraction isn't a quotient of two whole numbers")
    return Fraction(text)


def _differing(a: _Steps, b: _Steps) -> Array:
    """By channel, on how many accumulators the outputs differ: between unequal first ones."""
    least, most = np.minimum(a.base, b.base), np.maximum(a.top, b.top)
    codes = least + np.arange(1, int((most - least).max()) + 1)[:, None]
    first, second = a.of_codes(codes), b.of_codes(codes)
    start, end = np.minimum(first, second), np.maximum(first, second)
    # Both ascend, so what lies before the farthest end so far has been counted.
    counted = np.concatenate([a.low[None], np.maximum.accumulate(end)[:-1]])[: len(end)]
    lengths: Array = np.maximum(end - np.maximum(start, counted), 0).sum(axis=0)
    return lengths
