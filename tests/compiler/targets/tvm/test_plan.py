# SPDX-License-Identifier: Apache-2.0
"""Blocks of one time never share memory, and the arena is hardly larger than what is live."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.targets.tvm.plan import ALIGNMENT, Block, plan


@st.composite
def blocks(draw: st.DrawFn) -> list[Block]:
    found: list[Block] = []
    for number in range(draw(st.integers(0, 12))):
        first = draw(st.integers(0, 20))
        last = first + draw(st.integers(0, 6))
        found.append(Block(str(number), draw(st.integers(0, 500)), first, last))
    return found


@given(blocks())
def test_blocks_of_one_time_lie_apart(found: list[Block]) -> None:
    made = plan(found)
    for block in found:
        start = made.offsets[block.name]
        assert start % ALIGNMENT == 0
        assert start + block.size <= made.size
        for other in found:
            if other.name != block.name and block.meets(other):
                begin = made.offsets[other.name]
                assert start + block.size <= begin or begin + other.size <= start
    assert made.live <= made.size


def test_a_chain_needs_no_more_than_its_largest_pair() -> None:
    sizes = [640, 64, 128, 640, 320, 64]
    chain = [Block(str(n), size, n, n + 1) for n, size in enumerate(sizes)]
    assert plan(chain).size == max(map(sum, pairwise(sizes))) == 960


def test_blocks_about_a_narrow_place_need_no_more_than_what_lives() -> None:
    sizes = [640, 128, 128, 128, 8, 128, 128, 128, 640]
    made = plan([Block(str(n), size, n, n + 1) for n, size in enumerate(sizes)])
    assert made.size == made.live == 768


@given(blocks())
def test_the_arena_is_hardly_larger_than_what_lives(found: list[Block]) -> None:
    made = plan(found)
    # No more than a tenth, or a block of the smallest size, is lost to gaps.
    assert made.size <= max(made.live * 1.1, made.live + 8 * ALIGNMENT)
