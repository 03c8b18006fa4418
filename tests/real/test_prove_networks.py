# SPDX-License-Identifier: Apache-2.0
"""Certificates of real networks hold, and aren't another network's."""

from pathlib import Path

import pytest

from intaglio.commands.lower import lower_to_file
from intaglio.commands.models import LoweringOptions
from intaglio.commands.prove.proving import Proof, check_file, prove_file
from intaglio.compiler.analysis.accumulator_bits import accumulator_report
from intaglio.compiler.analysis.requantizer_certificates import RequantizerCertificate
from intaglio.compiler.analysis.sum_certificates import SumCertificate

pytestmark = pytest.mark.real

NETWORKS = ("mlperf_tiny/ic01_resnet8_int8.tflite", "mlperf_tiny/kws01_int8.tflite")


def proved(model: Path, folder: Path, profile: str | None = None) -> tuple[Proof, Path, Path]:
    """The proof of a model, its certificate, and its ``.intaglio`` file."""
    lowered, certificate = (folder / f"{model.stem}{end}" for end in (".intaglio", ".json"))
    options = LoweringOptions(profile)
    lower_to_file(model, lowered, options)
    return prove_file(model, options, certificate), certificate, lowered


@pytest.mark.parametrize("profile", [None, "single-rounding", "litert-xnnpack-x86", "ort-arm64"])
@pytest.mark.parametrize("network", NETWORKS)
def test_certificates_hold(
    real_data: Path, tmp_path: Path, network: str, profile: str | None
) -> None:
    proof, certificate, lowered = proved(real_data / network, tmp_path, profile)
    assert check_file(certificate, lowered) is None
    assert all(isinstance(each, SumCertificate) for each in proof.sums)
    assert all(isinstance(each, RequantizerCertificate) for each in proof.requantizers)
    # The analysis may know narrower operands, never wider ones.
    for report, each in zip(accumulator_report(proof.graph), proof.sums, strict=True):
        assert isinstance(each, SumCertificate)
        assert max(each.type_only.bits) == report.type_bits
        assert max(each.weights_known.bits) >= report.final_bits
        assert max(each.any_order.bits) >= report.any_order_bits


def test_a_certificate_of_another_network_is_refused(real_data: Path, tmp_path: Path) -> None:
    (_, certificate, lowered), (_, other, another) = (
        proved(real_data / network, tmp_path) for network in NETWORKS
    )
    assert check_file(certificate, lowered) is None
    assert check_file(other, another) is None
    assert check_file(certificate, another) is not None
    assert check_file(other, lowered) is not None
