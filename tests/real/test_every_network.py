# SPDX-License-Identifier: Apache-2.0
"""Every shared float network goes the whole way, from its file to integers under every profile.

Under ``ort-x86-vnni`` the outputs equal ONNX Runtime's. The other profiles compute something else
on purpose; that they land near ONNX Runtime says that the network came through whole, and nothing
about their last bits.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import plan_quantization
from intaglio.compiler.real.ranges.ranges import observed_ranges
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.compiler.recipes.result import QuantizedResult
from tests.compiler.recipes.quantized_file import QuantizedFile
from tests.processor import has_vnni
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

CALIBRATION = 32
EVALUATED = 2

# How many codes of 255 an output may lie from ONNX Runtime's and still be plausible. These profiles
# round by other rules, some of them the input's ties already; DORY's multipliers have the bits that
# the accumulator leaves in a 32-bit word.
PLAUSIBLE_DISTANCE = {
    "dory": 64,
    "litert-opt-x86": 8,
    "litert-ref-1.2": 8,
    "litert-ref-1.3": 8,
    "litert-xnnpack-x86": 8,
    "onnx-spec": 2,
    "single-rounding": 2,
    "tflm": 8,
    "tosa-single": 8,
}
PLAUSIBLE_DISTANCE_OF_SHIFTS = 8


@dataclass(frozen=True, slots=True)
class Journey:
    """A network on its way: quantized, written to a file, and read again."""

    result: QuantizedResult
    file: QuantizedFile
    evaluated: tuple[Feeds, ...]


@pytest.fixture(scope="module", params=NETWORKS)
def journey(
    request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Journey:
    network = NETWORKS[request.param]
    model = network.load(real_data)
    calibration = network.feeds(real_data, model, CALIBRATION, skip=EVALUATED)
    result = quantize_minmax(model, calibration, QuantizationOptions())
    path = tmp_path_factory.mktemp(request.param) / "quantized.onnx"
    file = QuantizedFile.written(result.model, result.plan, path)
    return Journey(result, file, tuple(network.feeds(real_data, model, EVALUATED)))


@pytest.mark.parametrize("profile", PLAUSIBLE_DISTANCE)
def test_a_profile_takes_it_to_plausible_outputs(journey: Journey, profile: str) -> None:
    """A check of plausibility, not of equality."""
    assert journey.file.farthest(profile, journey.evaluated) <= PLAUSIBLE_DISTANCE[profile]


def test_every_output_equals_that_of_onnx_runtime(journey: Journey) -> None:
    if not has_vnni():
        pytest.skip("ONNX Runtime's uint8 kernels are exact on processors with VNNI alone")
    assert journey.file.farthest("ort-x86-vnni", journey.evaluated) == 0


def test_shifts_alone_take_it_to_plausible_outputs(journey: Journey, tmp_path: Path) -> None:
    """A check of plausibility, not of equality."""
    options = QuantizationOptions(power_of_two_scales=True)
    normalized = journey.result.normalized
    plan = plan_quantization(normalized, observed_ranges(journey.result.statistics), options)
    model = insert_quantization(normalized, plan)
    file = QuantizedFile.written(model, plan, tmp_path / "shifts.onnx")
    assert file.farthest("pow2-half-up", journey.evaluated) <= PLAUSIBLE_DISTANCE_OF_SHIFTS
