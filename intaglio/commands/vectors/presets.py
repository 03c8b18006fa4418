# SPDX-License-Identifier: Apache-2.0
"""Corner vectors of a profile's requantizers, without a network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np

from intaglio.commands.export.columns import Columns, as_array, narrowest
from intaglio.commands.export.tensors import ExportedTensor
from intaglio.commands.output_files import require_free_folder, whole_folder
from intaglio.commands.vectors.stage_values import requantizer_tensors
from intaglio.commands.vectors.targets import MANY
from intaglio.commands.vectors.writing import element_of, write_layer, write_manifest
from intaglio.errors import InvalidOption
from intaglio.numerics.corners import Bin, Corner, Corners, Impossible, corner_accumulators
from intaglio.numerics.corners.proofs import AllTried
from intaglio.numerics.corners.sums import reach
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import Profile, load_profile
from intaglio.numerics.profile.derive import requantizer
from intaglio.numerics.profile.schemes import Rescale
from intaglio.numerics.requantizers import Requantizer

CODES = IntType(8, signed=True)
_MULTIPLIERS = (
    Fraction(1, 2),
    Fraction(255, 256),
    Fraction(181, 1 << 14),
    Fraction(1, 1 << 10),
    Fraction(11863283, 1 << 36),
    Fraction(3, 1 << 22),
)
TERMS = (1, 3, 7, 17, 33)
"""Lengths of sums of products; one term, and tails behind tiles of 2, 4, 8, 16 and 32."""

MOST_OTHER_SUMS = 16


@dataclass(frozen=True, slots=True)
class PresetVectors:
    """One requantizer, or sums of products before it, and its corners.

    Attributes:
        name: the folder.
        rule: the rule of the profile that asks for it.
        hit: bins that are hit.
        reachable: bins that aren't proved impossible.
        impossible: bins that are proved impossible.
        vectors: how many vectors.
    """

    name: str
    rule: str
    hit: int
    reachable: int
    impossible: int
    vectors: int


def write_preset_vectors(profile_name: str, output: Path) -> tuple[PresetVectors, ...]:
    """Write the corner vectors of every rescale that a profile's rules name.

    Each is derived for multipliers from 1/2 down to 2**-20, for zero points at the ends of an 8-bit
    code, and with a clamp at the zero point.  Sums of 1, 3, 7, 17 and 33 products of 8-bit operands
    go through one of them each.

    Raises:
        InvalidFile: there is neither a profile nor a readable file of that name, or something
            stands at ``output``.
        InvalidProfile: the file doesn't follow the schema.
    """
    require_free_folder(output)
    profile = load_profile(profile_name)
    found: list[PresetVectors] = []
    entries: list[dict[str, object]] = []
    with whole_folder(output) as partial:
        for number, (rule, rescale, bits) in enumerate(rescales(profile)):
            word = IntType(min(bits, 40), signed=True)
            for index, each in enumerate(requantizers_of(rescale, word.interval)):
                name = f"requantizer-{number}-{index}"
                corners = corner_accumulators(each, accumulators_of(each, word.interval))
                xs = corners.accumulators
                tensors = [_accumulators(xs), *requantizer_tensors([each] * len(xs), xs)]
                found.append(_summary(name, rule, corners, len(xs)))
                entries.append(_entry(partial, name, rule, each, corners, tensors))
            for count in TERMS:
                name = f"sums-{number}-of-{count}"
                try:
                    vectors = _sums(rescale, count)
                except InvalidOption:
                    continue
                requantized, corners, tensors = vectors
                found.append(_summary(name, rule, corners, len(tensors[0].array)))
                entries.append(_entry(partial, name, rule, requantized, corners, tensors))
        write_manifest(partial, {"profile": profile.name, "requantizers": entries})
    return tuple(found)


def rescales(profile: Profile) -> Iterator[tuple[str, Rescale, int]]:
    """Every different rescale that the rules name, the first rule that does, the accumulator."""
    seen: set[Rescale] = set()
    for table in fields(profile):
        rules = getattr(profile, table.name)
        if not isinstance(rules, tuple):
            continue
        for number, rule in enumerate(cast("tuple[object, ...]", rules)):
            for rescale in _within(rule):
                if rescale not in seen:
                    seen.add(rescale)
                    bits = getattr(rule, "accumulator_bits", 32)
                    yield f"{table.name}[{number}]", rescale, bits


def _within(record: object) -> Iterator[Rescale]:
    if isinstance(record, Rescale):
        yield record
    elif is_dataclass(record):
        for each in fields(record):
            yield from _within(getattr(record, each.name))


def requantizers_of(rescale: Rescale, word: Interval) -> Iterator[Requantizer]:
    """Requantizers to 8-bit codes: of each multiplier that the scheme can represent."""
    first: Requantizer | None = None
    for real in _MULTIPLIERS:
        try:
            found = _derived(rescale, real, word, 0)
        except InvalidOption:
            continue
        first = first or found
        yield found
    for zero_point in (CODES.minimum, CODES.maximum) if first is not None else ():
        for real in _MULTIPLIERS[2:4]:
            try:
                found = _derived(rescale, real, word, zero_point)
            except InvalidOption:
                continue
            yield found
            if zero_point == CODES.minimum:
                yield replace(found, low=-100, high=100)


def _derived(rescale: Rescale, real: Fraction, word: Interval, zero_point: int) -> Requantizer:
    """A machine word may leave the product no room: then of accumulators that do."""
    limits = CODES.minimum, CODES.maximum
    for held in (word, Interval(-(1 << 20), (1 << 20) - 1), Interval(-(1 << 15), (1 << 15) - 1)):
        try:
            return requantizer(rescale.scheme, real, held, zero_point, *limits, CODES)
        except InvalidOption as error:
            refused = error
    raise refused


def accumulators_of(requantizer: Requantizer, word: Interval) -> Interval:
    """The accumulators of a word that the scaling takes."""
    domain = requantizer.scaling.monotone_domain
    if domain is None or not domain.intersects(word):
        return word
    # Beyond the domain some wrap, which are corners too.
    wider = Interval(domain.low - 1, domain.high + 1)
    return Interval(max(word.low, wider.low), min(word.high, wider.high))


def _sums(rescale: Rescale, count: int) -> tuple[Requantizer, Corners, list[ExportedTensor]]:
    """Weights and operands that reach each corner, and what the requantizer makes of their sums."""
    widest = CODES.interval * CODES.interval
    total = Interval(widest.low * count, widest.high * count)
    # About twice as many codes as there are: clamps lie away from the ends, where sums have gaps.
    real = Fraction(1, 1 << max(total.magnitude.bit_length() - 9, 1))
    requantized = _derived(rescale, real, total, 3)
    corners = corner_accumulators(requantized, total)
    reached: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    hits: list[Corner] = []
    impossible = list(corners.impossible)
    undecided = list(corners.undecided)
    for hit in corners.hits:
        outcome = _hit_by_terms(requantized, total, hit, count, reached)
        match outcome:
            case Corner():
                hits.append(outcome)
            case Impossible():
                impossible.append(outcome)
            case Bin():
                undecided.append(outcome)
    kept = Corners(tuple(hits), tuple(impossible), tuple(undecided))
    xs = sorted(reached)
    codes = element_of(CODES)
    weights = np.array([reached[x][0] for x in xs], np.int8).reshape(-1, count)
    operands = np.array([reached[x][1] for x in xs], np.int8).reshape(-1, count)
    tensors = [
        ExportedTensor("weights", codes, weights),
        ExportedTensor("operands", codes, operands),
        _accumulators(xs),
        *requantizer_tensors([requantized] * len(xs), xs),
    ]
    return requantized, kept, tensors


def _hit_by_terms(
    requantizer: Requantizer,
    total: Interval,
    hit: Corner,
    count: int,
    reached: dict[int, tuple[tuple[int, ...], tuple[int, ...]]],
) -> Corner | Impossible | Bin:
    """A sum of products that hits a bin; where the first isn't one, the next ones are tried."""
    for _ in range(MOST_OTHER_SUMS):
        x = hit.accumulator
        found = reached.get(x) or _terms(count, x)
        if found is not None:
            reached[x] = found
            return hit
        if hit.bin.event not in MANY and count == 1:
            return Impossible(hit.bin, AllTried(1 << CODES.bits))
        if hit.bin.event not in MANY or x == total.high:
            return hit.bin
        later = corner_accumulators(requantizer, Interval(x + 1, total.high))
        following = [each for each in later.hits if each.bin == hit.bin]
        if not following:
            return hit.bin
        (hit,) = following
    return hit.bin


def _terms(count: int, total: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Weights and operands of 8 bits with a sum of products; one product needs a divisor."""
    choices: list[tuple[int, ...]] = [(w,) for w in range(127, -129, -1)]
    if count > 1:
        large = [127, -128, 64, -3] if total >= 0 else [-128, 127, -64, 3]
        choices = [(*(large[k % 4] for k in range(count - 1)), 1)]
        for last in (1, 5, 17, 63, 101, 126):
            choices.append((*([127] * (count - 1)), last))
            choices.append((*([-128] * (count - 1)), -last))
        choices.extend([(-128,) * count, (127,) * count])
    for weights in choices:
        found = reach(weights, CODES.interval, total)
        if isinstance(found, tuple):
            return weights, found
    return None


def _accumulators(xs: Sequence[int]) -> ExportedTensor:
    element = narrowest(xs or [0])
    return ExportedTensor("accumulator", element, as_array(xs, element))


def _summary(name: str, rule: str, corners: Corners, vectors: int) -> PresetVectors:
    return PresetVectors(
        name, rule, len(corners.hits), corners.reachable, len(corners.impossible), vectors
    )


def _entry(
    folder: Path,
    name: str,
    rule: str,
    requantizer: Requantizer,
    corners: Corners,
    tensors: Sequence[ExportedTensor],
) -> dict[str, object]:
    columns = Columns.of(requantizer)
    numbers = {each.path: each.array.tolist() for each in columns.arrays}
    return {
        "name": name,
        "rule": rule,
        "requantizer": {**columns.words, **numbers},
        "files": write_layer(folder, name, tensors),
        "hits": [{"bin": str(hit.bin), "accumulator": hit.accumulator} for hit in corners.hits],
        "impossible": [
            {"bin": str(each.bin), "why": str(each.proof)} for each in corners.impossible
        ],
        "missed": [str(bin) for bin in corners.undecided],
    }
