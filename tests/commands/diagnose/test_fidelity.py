# SPDX-License-Identifier: Apache-2.0
"""Signal to noise and cosine, by hand."""

import math

import numpy as np
import pytest

from intaglio.commands.diagnose.fidelity import Fidelity, Tally, fidelity, worst


def test_figures_of_two_short_vectors() -> None:
    found = fidelity(np.array([3.0, 4.0]), np.array([3.0, 3.0]))
    assert found.sqnr_db == pytest.approx(10 * math.log10(25 / 1))
    assert found.cosine == pytest.approx((9 + 12) / (5 * math.sqrt(18)))
    assert found.largest_error == 1.0


def test_a_sum_over_arrays_is_that_of_their_concatenation() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 3, 7)).astype(np.float32)
    tally = Tally()
    for one, other in zip(x, y, strict=True):
        tally.add(one, other)
    whole = fidelity(x, y)
    assert tally.fidelity().sqnr_db == pytest.approx(whole.sqnr_db)
    assert tally.fidelity().cosine == pytest.approx(whole.cosine)
    assert tally.fidelity().largest_error == whole.largest_error


def test_halving_the_error_adds_six_decibels() -> None:
    x = np.linspace(-1, 1, 9)
    one, half = (fidelity(x, x + error).decibels for error in (0.1, 0.05))
    assert half - one == pytest.approx(20 * math.log10(2))


def test_no_error_sorts_last_and_no_signal_first() -> None:
    same = fidelity(np.ones(3), np.ones(3))
    assert (same.sqnr_db, same.largest_error, same.decibels) == (None, 0.0, math.inf)
    silent = fidelity(np.zeros(3), np.ones(3))
    assert (silent.sqnr_db, silent.cosine, silent.decibels) == (None, None, -math.inf)
    usual = Fidelity(30.0, 0.99, 0.1)
    assert worst([same, usual]) is usual
    assert worst([silent, usual]) is silent
