# SPDX-License-Identifier: Apache-2.0
"""Where float32 enters and leaves, by hand."""

import math

import numpy as np
import pytest

from intaglio.errors import InvalidData
from tests.simulator.engines import ENGINES, Engine
from tests.simulator.text_cases import fixed_graph, outcome

QUANTIZE = """
%x: f32[N] = input
%y: i8[N] = quantize(%x) scale=f32(SCALE) zero_point=ZERO rounding=half-even method=METHOD
"""


def quantize(x: list[float], scale: str, zero_point: int = 0, method: str = "divide") -> list[int]:
    text = QUANTIZE.replace("N]", f"{len(x)}]").replace("SCALE", scale)
    found: list[int] = outcome(text.replace("ZERO", str(zero_point)).replace("METHOD", method), x=x)
    return found


def test_ties_are_decided_before_the_zero_point() -> None:
    assert quantize([0.25, 0.75, -0.25], "0.5", zero_point=1) == [1, 3, 1]


def test_everything_beyond_the_codes_saturates() -> None:
    extremes = [math.inf, -math.inf, 3.4e38, -3.4e38, 128.0, -129.0]
    assert quantize(extremes, "1") == [127, -128] * 3
    assert quantize([3.4e38, -1e30, 1e-45], "1e-30") == [127, -128, 0]
    assert quantize([3.4e38, -3.4e38], "1e-30", method="multiply-by-reciprocal") == [127, -128]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_a_scale_without_a_reciprocal_in_float32(engine: Engine) -> None:
    # 2**-130 is subnormal, and 2**130 is beyond float32.
    text = QUANTIZE.replace("N]", "3]").replace("SCALE", str(2.0**-130)).replace("ZERO", "5")
    x = np.array([3 * 2.0**-130, -2.5 * 2.0**-130, 1.0], np.float32)
    found = engine.run(fixed_graph(text.replace("METHOD", "divide")), {"x": x}, None)
    assert found["y"].tolist() == [8, 3, 127]
    with pytest.raises(InvalidData):
        engine.run(fixed_graph(text.replace("METHOD", "multiply-by-reciprocal")), {"x": x}, None)


def test_a_reciprocal_can_break_a_tie() -> None:
    # 45.5 / 7 is 6.5; fl32(1 / 7) is a little too large.
    assert quantize([45.5, 87.5], "7") == [6, 12]
    assert quantize([45.5, 87.5], "7", method="multiply-by-reciprocal") == [7, 13]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_nan_is_refused_by_the_name_of_the_value(engine: Engine) -> None:
    text = QUANTIZE.replace("N]", "1]").replace("SCALE", "1").replace("ZERO", "0")
    graph = fixed_graph(text.replace("METHOD", "divide"))
    with pytest.raises(InvalidData, match="value y: found NaN"):
        engine.run(graph, {"x": np.array([math.nan], np.float32)}, None)


def test_dequantize_rounds_the_difference_then_the_product() -> None:
    # 2**24 + 1 is no float32; it becomes 2**24 before it is scaled.
    found = outcome(
        """
        %x: i26[2] = input
        %y: f32[2] = dequantize(%x) scale=f32(0.1) zero_point=-1
        """,
        x=[2**24, 1],
    )
    assert found == [float(np.float32(2**24) * np.float32(0.1)), float(np.float32(0.2))]
