# SPDX-License-Identifier: Apache-2.0
"""LiteRT's profiles against LiteRT, op by op, with each choice of its kernels."""

import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.numerics.profile import load_profile
from tests.peers.tflite.comparison import demand_equal_codes
from tests.peers.tflite.subjects import SUBJECTS, Subject

pytestmark = pytest.mark.peer

PEERS = (Peer.LITERT_REF, Peer.LITERT_REF_1_2, Peer.LITERT_OPT, Peer.LITERT)


@pytest.mark.parametrize(
    ("subject", "runtime"),
    [
        pytest.param(subject, runtime, id=f"{subject.name}-{runtime.value}")
        for subject in SUBJECTS
        for runtime in PEERS
        if subject.dtypes_of(runtime)
    ],
)
def test_codes_are_those_of_litert(subject: Subject, runtime: Peer) -> None:
    demand_equal_codes(subject, runtime, load_profile(runtime.about.profile))
