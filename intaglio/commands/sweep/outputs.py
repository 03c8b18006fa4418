# SPDX-License-Identifier: Apache-2.0
"""Outputs of samples, held against those of another arithmetic bit for bit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.simulate import count_correct
from intaglio.commands.sweep.cutting import ComparedOutput
from intaglio.commands.sweep.tally import Tally
from intaglio.compiler.ir.graph import Array

Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Output:
    """One output of some samples.

    Attributes:
        value: what the model gives, ``[samples, …]``.
        code: the codes that it is dequantized from; None where there are none.
        meaning: what the codes stand for; only codes of one meaning can be compared.
        bits: of a code, or of a float.
    """

    value: Array
    code: Array | None
    meaning: str
    bits: int


Outputs = tuple[Output, ...]


def collected(compared: Sequence[ComparedOutput], found: Mapping[str, Array]) -> Outputs:
    """The outputs of a run by what is compared of them."""
    return tuple(
        Output(
            found[each.value],
            None if each.code is None else found[each.code],
            each.meaning,
            each.bits,
        )
        for each in compared
    )


def joined(parts: Sequence[Outputs]) -> Outputs:
    """Outputs of successive runs as one."""
    return tuple(
        replace(
            column[0],
            value=np.concatenate([part.value for part in column]),
            code=None
            if column[0].code is None
            else np.concatenate([np.asarray(part.code) for part in column]),
        )
        for column in zip(*parts, strict=True)
    )


def selected(outputs: Outputs, rows: Sequence[int] | int) -> Outputs:
    """Some samples' outputs: those listed, or so many from the first."""
    chosen = slice(rows) if isinstance(rows, int) else list(rows)
    return tuple(
        replace(
            each,
            value=np.asarray(each.value[chosen]),
            code=None if each.code is None else np.asarray(each.code[chosen]),
        )
        for each in outputs
    )


def nothing_of(expected: Outputs, labelled: bool) -> Tally:
    """The counts of samples that have no outputs: no class is right, and every bit differs."""
    samples = len(expected[0].value)
    tally = Tally(
        samples=samples, labelled=samples if labelled else 0, overflows={"traps": samples}
    )
    for each in expected:
        values = each.value.size
        tally += Tally(
            values=values,
            differing_values=values,
            bits=values * each.bits,
            differing_bits=values * each.bits,
        )
    return tally


def held_against(found: Outputs, expected: Outputs, labels: NDArray[np.int64] | None) -> Tally:
    """Count what differs.

    Codes are compared where both sides' mean the same, float32 bits elsewhere.

    Raises:
        InvalidData: a label is no class of the first output.
    """
    samples = len(found[0].value)
    classes, others = (_classes(side[0].value) for side in (found, expected))
    tally = Tally(
        samples=samples,
        labelled=0 if labels is None else len(labels),
        correct=0 if labels is None else count_correct(found[0].value, labels),
        same_class=int(np.count_nonzero(classes == others)),
    )
    for mine, theirs in zip(found, expected, strict=True):
        tally += _compared(mine, theirs)
    return tally


def _classes(scores: Array) -> NDArray[np.int64]:
    return np.asarray(scores.reshape(len(scores), -1).argmax(axis=1), np.int64)


def _compared(mine: Output, theirs: Output) -> Tally:
    if mine.code is not None and theirs.code is not None and mine.meaning == theirs.meaning:
        first, second, bits = _words(mine.code), _words(theirs.code), mine.bits
    elif mine.value.dtype == theirs.value.dtype == np.float32:
        first, second, bits = _words(mine.value), _words(theirs.value), 32
    else:
        # Integers of unequal types: as many bits as the wider one has.
        first, second, bits = _words(mine.value), _words(theirs.value), max(mine.bits, theirs.bits)
    mask = np.uint64((1 << bits) - 1)
    changed = (first ^ second) & mask
    return Tally(
        values=changed.size,
        differing_values=int(np.count_nonzero(changed)),
        bits=changed.size * bits,
        differing_bits=int(np.bitwise_count(changed).sum(dtype=np.int64)),
    )


def _words(array: Array) -> Words:
    """Bits as 64-bit words; integers are extended by their sign."""
    if array.dtype == np.float32:
        return np.ascontiguousarray(array).view(np.uint32).astype(np.uint64)
    if array.dtype == np.uint64:
        return array.astype(np.uint64)
    return array.astype(np.int64).view(np.uint64)
