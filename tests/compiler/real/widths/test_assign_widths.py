# SPDX-License-Identifier: Apache-2.0
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.real.widths.assign_widths import FINEST, Choice, assign_widths
from intaglio.errors import InvalidOption

CHOICES = st.lists(
    st.builds(
        Choice,
        bits=st.integers(2, 8),
        cost=st.integers(0, 40),
        loss=st.integers(0, 30).map(float),
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(CHOICES, min_size=1, max_size=4), st.integers(0, 80), st.integers(1, 9))
def test_no_assignment_within_the_budget_loses_less(
    layers: list[list[Choice]], rest: int, unit: int
) -> None:
    layers = [[Choice(c.bits, c.cost * unit, c.loss) for c in choices] for choices in layers]
    budget = sum(min(choice.cost for choice in choices) for choices in layers) + rest
    found = assign_widths(layers, budget)
    assert all(choice in choices for choice, choices in zip(found, layers, strict=True))
    assert sum(choice.cost for choice in found) <= budget
    least = min(
        sum(choice.loss for choice in every)
        for every in product(*layers)
        if sum(choice.cost for choice in every) <= budget
    )
    assert sum(choice.loss for choice in found) == least


@given(st.integers(0, 2**31), st.integers(20, 70))
def test_large_costs_keep_the_budget_and_come_close(seed: int, percent: int) -> None:
    random = Random(seed)
    layers = [
        [Choice(bits, bits * random.randrange(10**9), random.random()) for bits in (8, 4, 2)]
        for _ in range(5)
    ]
    cheapest = sum(min(choice.cost for choice in choices) for choices in layers)
    dearest = sum(max(choice.cost for choice in choices) for choices in layers)
    rest = (dearest - cheapest) * percent // 100
    found = assign_widths(layers, cheapest + rest)
    assert sum(choice.cost for choice in found) <= cheapest + rest
    smaller = cheapest + rest - (len(layers) + 1) * -(-rest // FINEST)
    least = min(
        sum(choice.loss for choice in every)
        for every in product(*layers)
        if sum(choice.cost for choice in every) <= smaller
    )
    assert sum(choice.loss for choice in found) <= least + 1e-9


def test_a_part_of_a_step_counts_as_a_whole_one() -> None:
    costs, rest = (10**9 + 1, 10**9 + 3), 2 * 10**9 + 3
    layers = [[Choice(8, cost, 0.0), Choice(4, 0, 1.0)] for cost in costs]
    assert sorted(choice.bits for choice in assign_widths(layers, rest)) == [4, 8]


def test_the_cheapest_choices_fit_exactly() -> None:
    layers = [[Choice(8, 3, 0.0), Choice(4, 2, 1.0)], [Choice(8, 7, 0.0), Choice(4, 4, 1.0)]]
    assert [choice.bits for choice in assign_widths(layers, 6)] == [4, 4]
    with pytest.raises(InvalidOption, match="budget 5: the narrowest codes cost 6 already"):
        assign_widths(layers, 5)


def test_of_equal_losses_the_cheaper_is_taken() -> None:
    (found,) = assign_widths([[Choice(8, 8, 1.0), Choice(4, 4, 1.0)]], 100)
    assert found.bits == 4
