# SPDX-License-Identifier: Apache-2.0
"""The lies that `benchmarks/hardware_certificates.py` tells, and what it says of the outcome."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.hardware_certificates import (
    CertificateResult,
    Range,
    certificate_results,
    print_results,
    right,
)

BITS = Range(1, 2, 3)
RESULT = CertificateResult(
    "small", 2, 3, 1.0, 1.0, 1.0, 1.0, 0.1, True, 7, 7, BITS, BITS, BITS, BITS, 0, 1e-9
)


def test_a_lie_that_is_believed_shows() -> None:
    assert right([RESULT])
    assert not right([RESULT, replace(RESULT, refused=6)])
    assert not right([replace(RESULT, holds=False)])


def test_the_table_has_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    print_results([RESULT])
    assert "1 to 3, median 2" in capsys.readouterr().out


@pytest.mark.real
@pytest.mark.slow
def test_whole_networks(real_data: Path, tmp_path: Path) -> None:
    results = certificate_results(tmp_path)
    assert right(results)
    assert [each.lies for each in results] == [46, 46]
    assert all(each.prove_processor_seconds < 20 for each in results)
