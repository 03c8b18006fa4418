# SPDX-License-Identifier: Apache-2.0
"""LiteRT's profiles against LiteRT, op by op: reference kernels, and the XNNPACK delegate."""

from typing import Any

import pytest

from intaglio.numerics.profile import load_profile
from tests.peers.tflite.comparison import demand_equal_codes
from tests.peers.tflite.runtime import Runtime
from tests.peers.tflite.subjects import SUBJECTS, Subject

pytestmark = pytest.mark.peer

PROFILES = {Runtime.REFERENCE: "litert-ref-1.3", Runtime.DEFAULT: "litert-xnnpack-x86"}


@pytest.mark.parametrize(
    ("subject", "dtype", "runtime"),
    [
        pytest.param(subject, dtype, runtime, id=f"{subject.name}-{dtype.__name__}-{runtime.value}")
        for subject in SUBJECTS
        for runtime in PROFILES
        for dtype in subject.dtypes_of(runtime)
    ],
)
def test_codes_are_those_of_litert(subject: Subject, dtype: Any, runtime: Runtime) -> None:
    demand_equal_codes(subject, dtype, runtime, load_profile(PROFILES[runtime]))
