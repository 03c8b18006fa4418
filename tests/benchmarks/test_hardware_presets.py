# SPDX-License-Identifier: Apache-2.0
"""A sample of what `benchmarks/hardware_presets.py` compares, and that a difference shows."""

from collections.abc import Generator
from functools import cache
from typing import Any

import numpy as np
import pytest

from benchmarks import requantizer_cases
from benchmarks.hardware_presets import PresetRow, preset_rows, print_rows
from benchmarks.requantizer_cases import Comparison, Effort, compare
from benchmarks.requantizer_draws import RequantizerKind
from benchmarks.requantizer_kinds import requantizer_kinds
from intaglio.compiler.ir.graph import Array
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import load_profile, profile_names
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift

# One channel more than a vector has.
SAMPLE = Effort(channels=17, rows=4, cornered=2)


@pytest.fixture(scope="module", autouse=True)
def objects(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTAGLIO_CACHE", str(tmp_path_factory.mktemp("compiled")))
        yield


@cache
def sampled() -> dict[str, list[Comparison]]:
    found: dict[str, list[Comparison]] = {}
    for row in preset_rows(profile_names(), SAMPLE):
        found.setdefault(row.profile, []).append(row.comparison)
    return found


@pytest.mark.parametrize("profile", profile_names())
def test_every_requantizer_is_equal_in_three_ways(profile: str) -> None:
    comparisons = sampled()[profile]
    assert {each.kind for each in comparisons} == set(requantizer_kinds(load_profile(profile)))
    for each in comparisons:
        assert each.corners >= 10
        assert (each.vectorized, each.compiled, each.refused) == (0, 0, ""), each.kind


def wide(multiplier: int) -> RequantizerKind:
    scaling = MultiplyShift(multiplier, 62, Rounding.HALF_EVEN)
    word = IntType(40, signed=True)
    return RequantizerKind("wide, i40", word, False, lambda _: Requantizer(scaling, 0, -128, 127))


def test_what_machine_code_cannot_do_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = compare([wide((1 << 100) - 1)], SAMPLE)
    assert found.compiled is None
    assert found.vectorized == 0
    assert "product of 140 bits" in found.refused
    print_rows([PresetRow("ours", found)])
    assert f"no machine code of wide, i40: {found.refused}" in capsys.readouterr().out


@pytest.mark.parametrize("engine", ["vectorized", "compiled"])
def test_a_code_that_differs_is_counted(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    module = getattr(requantizer_cases, engine)
    run = module.run

    def changed(*arguments: Any) -> dict[str, Array]:
        found = run(*arguments)
        found["y0"] = np.array(found["y0"])
        found["y0"][3, 1] ^= 1
        return dict(found)

    monkeypatch.setattr(module, "run", changed)
    kinds = list(requantizer_kinds(load_profile("dory")).values())[:2]
    first, second = compare(kinds, SAMPLE)
    assert getattr(first, engine) == 1
    assert first.differences == 1
    assert second.differences == 0
