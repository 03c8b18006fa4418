# SPDX-License-Identifier: Apache-2.0
"""Results add up over runs, and are held against what they should reach."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.data_free_cases import RESNET20
from benchmarks.integer_accuracy import Accuracy
from benchmarks.zero_shot import missing
from benchmarks.zero_shot_cases import Case, Demand
from benchmarks.zero_shot_results import add_result, least_mean, read_results, spread_of
from benchmarks.zero_shot_run import Result
from benchmarks.zero_shot_tables import print_compared, print_reached

IMAGES, SEEDS = 100, 2
DSG = Case(RESNET20, "w4a4, dsg", "dsg", "w4a4")
DEMANDING = DSG.at_least((DSG.real(), -3.0))


def result(case: Case, seed: int, top1: float | None) -> Result:
    accuracy = None if top1 is None else Accuracy(IMAGES, 85.0, top1, top1, 90.0, 0.5, 12.0)
    refused = "intaglio: no" if top1 is None else None
    key, said, did = case.key(seed, IMAGES), "--recipe dsg", "8 samples; loss 9 -> 3.5"
    numbers = (3.5, 7.0, 9.0, 400.0)
    return Result(key, "ResNet20", case.setting, said, seed, did, *numbers, accuracy, refused)


def results(real: float, *made: float | None) -> dict[str, Result]:
    found = [result(DSG.real(), 0, real), *(result(DSG, s, top1) for s, top1 in enumerate(made))]
    return {one.key: one for one in found}


def test_results_of_several_runs_add_up(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    assert read_results(path) == read_results(None) == {}
    first, second, refused = result(DSG, 0, 70.0), result(DSG, 1, 72.0), result(DSG, 2, None)
    for one in (result(DSG, 0, 1.0), first, second, refused):
        add_result(path, one)
    assert list(read_results(path).values()) == [first, second, refused]
    assert [file.name for file in tmp_path.iterdir()] == ["found.json"]


def test_what_is_there_is_not_measured_again() -> None:
    cases = [DEMANDING]
    noise = {DSG.noise().key(seed, IMAGES) for seed in range(SEEDS)}
    assert set(missing(cases, results(70.0, 60.0, 61.0), SEEDS, IMAGES)) == noise
    refused = missing(cases, results(70.0, 60.0, None), SEEDS, IMAGES)
    assert set(refused) == noise | {DSG.key(1, IMAGES)}
    assert len(missing(cases, {}, SEEDS, IMAGES)) == 1 + 2 * SEEDS
    assert len(missing([DSG, DEMANDING], {}, SEEDS, IMAGES)) == 1 + 2 * SEEDS


def test_a_spread_is_over_seeds() -> None:
    found = spread_of([result(DSG, 0, 60.0), result(DSG, 1, 66.0), result(DSG, 2, None)])
    assert found is not None
    assert (found.mean, found.least, found.most, found.float_top1) == (63.0, 60.0, 66.0, 85.0)
    assert spread_of([result(DSG, 0, None)]) is spread_of([]) is None


def test_demands_are_points_from_the_mean_of_another_case() -> None:
    demand = Demand(DSG.real(), -3.0)
    least = least_mean(demand, results(70.0), SEEDS, IMAGES)
    assert (least, demand.words(least)) == (67.0, "67.0: 100 images -3")
    assert least_mean(demand, {}, SEEDS, IMAGES) is None


@pytest.mark.parametrize(
    ("found", "met", "word"),
    [
        (results(70.0, 66.5, 67.5), True, "yes"),
        (results(70.1, 66.5, 67.6), False, "no"),
        (results(70.0, 66.5, None), False, "no"),
        ({}, True, ""),
    ],
)
def test_the_table_says_what_is_met(
    found: dict[str, Result], met: bool, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_reached([DEMANDING], found, SEEDS, IMAGES) is met
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if "w4a4, dsg" in line and "│" in line)
    assert [cell.strip() for cell in row.split("│")][9] == word


def test_an_ablation_has_a_row_for_each_name(capsys: pytest.CaptureFixture[str]) -> None:
    again = replace(DSG, setting="w4a4, dsg: all")
    print_compared([DSG, DEMANDING, again], results(70.0, 60.0, 61.0), SEEDS, IMAGES)
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")] for line in said.splitlines()]
    named = [row[2:5] for row in rows if len(row) > 5]
    assert named == [
        ["100 images, dsg", "70.0", "70.0..70.0"],
        ["noise, dsg", "", ""],
        ["w4a4, dsg", "60.5", "60.0..61.0"],
        ["w4a4, dsg: all", "60.5", "60.0..61.0"],
    ]
