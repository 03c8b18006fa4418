# SPDX-License-Identifier: Apache-2.0
"""Which demands the figures of ARM meet."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.arm import differences, selected, tables
from benchmarks.arm_demands import Demand, Row, demands
from benchmarks.arm_networks import AARCH64, M4, M55

GOOD = Row(
    network="ad",
    target=M4,
    profile="single-rounding",
    inputs="random codes",
    samples=100,
    differing=0,
    strays=0,
    instructions=700,
    peer=1000,
    macs=500,
    code=15_999,
    constants=100_000,
    arena=2000,
    ports=1280,
    tflm_arena=3280,
    stack=200,
    stack_bound=None,
    undefined="",
)


def unmet(*rows: Row) -> list[str]:
    return [demand.demand for demand in demands(rows) if not demand.met]


def test_what_holds_to_all_demands() -> None:
    tight = replace(GOOD, network="kws", instructions=750)
    assert unmet(GOOD, tight, replace(GOOD, target=M55, undefined="", code=20_000)) == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"differing": 1}, "values that differ"),
        ({"strays": 2}, "accesses to memory"),
        ({"instructions": 751}, "mean ratio"),
        ({"code": 16_000}, "bytes of code"),
        ({"arena": 2001}, "RAM"),
        ({"undefined": "memcpy"}, "undefined symbols"),
    ],
)
def test_each_demand_can_fail(wrong: dict[str, int | str], expected: str) -> None:
    (found,) = unmet(replace(GOOD, **wrong))  # type: ignore[arg-type]
    assert expected in found


def test_one_slow_network_is_found_beside_a_quick_one() -> None:
    rows = replace(GOOD, instructions=400), replace(GOOD, network="kws", instructions=951)
    (found,) = unmet(*rows)
    assert found == "cortex-m4, single-rounding: largest ratio"
    # For two roundings the mean alone counts.
    assert unmet(*(replace(row, profile="tflm") for row in rows)) == []


def test_symbols_and_sizes_are_those_of_cortex_m() -> None:
    assert unmet(replace(GOOD, target=AARCH64, undefined="memcpy", code=99_999, arena=99_999)) == []


def test_the_mean_is_geometric() -> None:
    rows = replace(GOOD, instructions=250), replace(GOOD, network="kws", instructions=1000)
    found = {demand.demand: demand for demand in demands(rows)}
    mean = found["cortex-m4, single-rounding: mean ratio of 2 networks"]
    assert mean == Demand(mean.demand, "0.75", "0.500", met=True)


def test_rows_are_chosen_by_text() -> None:
    assert len(list(selected(""))) == 2 * (5 + 4 + 4)
    assert {target for _, target, _ in selected("cortex-m55,tflm")} == {M55}
    assert list(selected("MobileNetV2-1.0 224,cortex")) == []


def test_each_table_has_a_cell_for_each_column() -> None:
    for table in tables([GOOD], list(demands([GOOD]))):
        for row in table.rows:
            assert {column.key for column in table.columns} <= row.keys()


def test_bits_are_compared() -> None:
    zeros = np.array([0.0, -0.0, 1.0], np.float32)
    assert differences(zeros, np.array([0.0, 0.0, 1.0], np.float32)) == 1
    assert differences(zeros.astype(np.int8), zeros) == 3
    assert differences(np.array([1, 2], np.int8), np.array([1, 3], np.int8)) == 1
