# SPDX-License-Identifier: Apache-2.0
import pytest

from intaglio.compiler.real.onnx_runtime import Session
from tests.compiler.real.building import parse

MODEL = "(float[2] x) => (float[2] y) { y = Relu(x) }"


@pytest.mark.parametrize(
    ("stated", "asked", "expected"), [("3", 0, 3), ("3", 2, 2), ("", 0, 0), ("2,1", 0, 0)]
)
def test_threads_are_those_asked_for_or_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, stated: str, asked: int, expected: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", stated)
    session = Session(parse(MODEL), threads=asked)
    options = session._session.get_session_options()  # pyright: ignore[reportPrivateUsage]
    assert options.intra_op_num_threads == expected
