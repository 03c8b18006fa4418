# SPDX-License-Identifier: Apache-2.0
"""Profile ``tflm`` against TFLite Micro, op by op."""

import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.numerics.profile import load_profile
from tests.peers.tflite.comparison import demand_equal_codes
from tests.peers.tflite.subjects import SUBJECTS, Subject

pytestmark = pytest.mark.peer


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(subject, id=subject.name)
        for subject in SUBJECTS
        if subject.dtypes_of(Peer.TFLM)
    ],
)
def test_codes_are_those_of_tflite_micro(subject: Subject) -> None:
    demand_equal_codes(subject, Peer.TFLM, load_profile("tflm"))
