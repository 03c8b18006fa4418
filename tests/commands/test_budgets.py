# SPDX-License-Identifier: Apache-2.0
import pytest

from intaglio.commands.budgets import parse_amount, parse_budget
from intaglio.compiler.recipes.mixed_precision import OperationBudget, SizeBudget
from intaglio.errors import InvalidOption


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", 1),
        ("77360", 77360),
        ("300k", 300_000),
        ("1.5M", 1_500_000),
        ("2G", 2_000_000_000),
        ("1T", 10**12),
        ("256Ki", 262_144),
        ("0.5Mi", 524_288),
        (" 1Gi ", 1 << 30),
    ],
)
def test_an_amount_has_a_unit(text: str, amount: int) -> None:
    assert parse_amount("--size-budget", text) == amount


@pytest.mark.parametrize(
    "text", ["", "k", "0", "0.4", "-1", "1e9", "1,5M", "1 M", "1m", "1kB", ".5M", "9" * 16, "nan"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"--size-budget .*it is no amount; write 300k"):
        parse_amount("--size-budget", text)


def test_one_budget_or_none() -> None:
    assert parse_budget(None, None) is None
    assert parse_budget("300k", None) == SizeBudget(300_000)
    assert parse_budget(None, "2G") == OperationBudget(2_000_000_000)
    with pytest.raises(InvalidOption, match="--size-budget is given too"):
        parse_budget("300k", "2G")
    with pytest.raises(InvalidOption, match="--bit-operations much: it is no amount"):
        parse_budget(None, "much")
