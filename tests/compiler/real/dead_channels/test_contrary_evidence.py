# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.dead_channels.contrary_evidence import contrary_evidence
from intaglio.compiler.real.statistics import write_channel_statistics
from tests.compiler.real.building import parse, random


@pytest.mark.parametrize(
    ("reader", "constants", "expected"),
    [
        ("Conv<group=3>", (0.0, 6.0, 0.0), [True, True, False]),
        ("Conv<group=3, pads=[1,1,1,1]>", (0.0, 6.0, 0.0), [True, False, False]),
        ("Conv<group=3, auto_pad=\"SAME_UPPER\">", (2.0, 6.0, 2.0), [False] * 3),
        ("Conv", (0.0, 0.0, 0.0), [False] * 3),
    ],
)  # fmt: skip
def test_an_output_of_one_channel_tells_of_it(
    reader: str, constants: tuple[float, ...], expected: list[bool]
) -> None:
    inputs = 3 if reader == "Conv" else 1
    model = parse(
        f"(float[N,3,8,8] x) => (y) {{ y = {reader}(x, w) }}", w=random(1, 3, inputs, 3, 3)
    )
    assert contrary_evidence(model.graph.inputs[0], np.array(constants)).tolist() == [False] * 3
    noted = next(iter(model.graph)).outputs[0]
    write_channel_statistics(noted, np.array([1.0, 1.0, 5.0]), np.array([1.0, 0.1, 1e-3]))
    assert contrary_evidence(model.graph.inputs[0], np.array(constants)).tolist() == expected
