# SPDX-License-Identifier: Apache-2.0
"""MLPerf Tiny's networks need neither a library nor a unit for floats, whatever the profile."""

from pathlib import Path

import pytest

from intaglio.commands.models import LoweringOptions, open_fixed
from intaglio.compiler.targets.tvm.undefined_symbols import undefined_symbols
from tests.simulator.emulated.test_standalone import BARE, float_instructions, object_of

pytestmark = [pytest.mark.emulated, pytest.mark.real, pytest.mark.slow]

NETWORKS = ("ic01_resnet8", "vww01", "kws01", "ad01")


@pytest.mark.parametrize("profile", ["single-rounding", "tflm", "litert-xnnpack-x86"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_need_nothing_else(
    name: str, profile: str, real_data: Path, tmp_path: Path
) -> None:
    model = real_data / "mlperf_tiny" / f"{name}_int8.tflite"
    graph = open_fixed(model, LoweringOptions(profile, None, {}))
    for target in BARE:
        file = object_of(graph, target, tmp_path / target)
        assert undefined_symbols(file) == [], target
        assert float_instructions(file) == set(), target
