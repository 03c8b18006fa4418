# SPDX-License-Identifier: Apache-2.0
"""LiteRT's profiles against LiteRT, op by op, with each choice of its kernels."""

from typing import Any

import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.numerics.profile import load_profile
from tests.peers.tflite.comparison import demand_equal_codes
from tests.peers.tflite.subjects import SUBJECTS, Subject

pytestmark = pytest.mark.peer

PEERS = (Peer.LITERT_REF, Peer.LITERT_REF_1_2, Peer.LITERT_OPT, Peer.LITERT)


@pytest.mark.parametrize(
    ("subject", "dtype", "runtime"),
    [
        pytest.param(subject, dtype, runtime, id=f"{subject.name}-{dtype.__name__}-{runtime.value}")
        for subject in SUBJECTS
        for runtime in PEERS
        for dtype in subject.dtypes_of(runtime)
    ],
)
def test_codes_are_those_of_litert(subject: Subject, dtype: Any, runtime: Peer) -> None:
    demand_equal_codes(subject, dtype, runtime, load_profile(runtime.about.profile))
