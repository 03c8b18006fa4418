# SPDX-License-Identifier: Apache-2.0
"""Bits are counted as a plain loop over Python integers counts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.commands.sweep.outputs import Output, held_against, joined, nothing_of, selected
from intaglio.commands.sweep.tally import Tally
from intaglio.errors import InvalidData
from intaglio.numerics.integers import IntType

I8 = IntType(8, signed=True)
WORDS = [IntType(bits, signed) for bits in range(1, 65) for signed in (True, False)]


def coded(codes: list[list[int]], type: IntType, meaning: str = "") -> Output:
    array = np.array(codes, type.dtype)
    return Output(array.astype(np.float32), array, meaning, type.bits)


@given(st.data())
def test_counts_of_differing_bits_are_those_of_plain_integers(data: st.DataObject) -> None:
    type = data.draw(st.sampled_from(WORDS))
    codes = st.integers(type.minimum, type.maximum)
    row = st.lists(codes, min_size=3, max_size=3)
    rows = st.lists(row, min_size=2, max_size=2)
    first, second = data.draw(rows), data.draw(rows)
    tally = held_against((coded(first, type),), (coded(second, type),), None)
    pairs = [pair for a, b in zip(first, second, strict=True) for pair in zip(a, b, strict=True)]
    mask = (1 << type.bits) - 1
    assert tally.differing_bits == sum(((a ^ b) & mask).bit_count() for a, b in pairs)
    assert tally.differing_values == sum(a != b for a, b in pairs)
    assert (tally.values, tally.bits, tally.samples) == (6, 6 * type.bits, 2)


def test_codes_of_another_meaning_are_compared_as_floats() -> None:
    mine = Output(np.array([[1.0, 2.0]], np.float32), np.array([[1, 2]], np.int8), "s=1", 8)
    same_codes = Output(np.array([[2.0, 4.0]], np.float32), np.array([[1, 2]], np.int8), "s=2", 8)
    same_reals = Output(np.array([[1.0, 2.0]], np.float32), np.array([[2, 4]], np.int8), "s=2", 8)
    assert held_against((mine,), (same_codes,), None).differing_values == 2
    tally = held_against((mine,), (same_reals,), None)
    assert (tally.differing_values, tally.bits) == (0, 64)


def test_the_sign_of_a_zero_counts() -> None:
    plus = Output(np.array([[0.0]], np.float32), None, "f32", 32)
    minus = Output(np.array([[-0.0]], np.float32), None, "f32", 32)
    tally = held_against((plus,), (minus,), None)
    assert (tally.differing_values, tally.differing_bits, tally.bits) == (1, 1, 32)


def test_classes_are_counted_with_ties_to_the_first() -> None:
    mine = coded([[5, 5, 1], [0, 3, 2]], I8)
    theirs = coded([[5, 5, 4], [4, 3, 2]], I8)
    tally = held_against((mine,), (theirs,), np.array([0, 1]))
    assert (tally.labelled, tally.correct, tally.same_class) == (2, 2, 1)
    assert held_against((mine,), (theirs,), None).labelled == 0
    with pytest.raises(InvalidData, match="class 3"):
        held_against((mine,), (theirs,), np.array([3, 0]))


def test_parts_are_joined_and_selected() -> None:
    first, second = coded([[1], [2]], I8), coded([[3]], I8)
    (whole,) = joined([(first,), (second,)])
    assert whole.code is not None
    assert whole.code.ravel().tolist() == [1, 2, 3]
    (some,) = selected((whole,), [2, 0])
    assert some.value.ravel().tolist() == [3, 1]
    (prefix,) = selected((whole,), 2)
    assert len(prefix.value) == 2


def test_a_sample_without_outputs_differs_in_every_bit() -> None:
    tally = nothing_of((coded([[1, 2], [3, 4]], I8),), labelled=True)
    assert tally == Tally(2, 2, 0, 0, 4, 4, 32, 32, {"traps": 2})


def test_tallies_add_up_and_survive_json() -> None:
    first = Tally(1, 1, 1, 1, 2, 1, 16, 3, {"wraps": 2})
    second = Tally(2, 2, 0, 1, 4, 0, 32, 0, {"saturations": 1})
    both = first + second
    assert both == second + first
    assert both == Tally(3, 3, 1, 2, 6, 1, 48, 3, {"saturations": 1, "wraps": 2})
    assert Tally.of(both.facts()) == both


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        {},
        {**Tally().facts(), "more": 1},
        {**Tally().facts(), "samples": -1},
        {**Tally().facts(), "samples": True},
        {**Tally().facts(), "samples": 1.0},
        {**Tally().facts(), "overflows": {"wraps": "1"}},
        {**Tally().facts(), "overflows": []},
    ],
)
def test_what_is_no_tally_is_none(facts: object) -> None:
    assert Tally.of(facts) is None
