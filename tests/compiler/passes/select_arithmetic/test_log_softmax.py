# SPDX-License-Identifier: Apache-2.0
"""Logarithms of softmax in fixed point: the kernels' own codes, near the real ones."""

from dataclasses import replace

import numpy as np
import pytest

from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics import multipliers
from intaglio.numerics.fixed_point_exp import exp_of_negative
from intaglio.numerics.fixed_point_log import logarithm
from intaglio.numerics.profile import load_profile
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, rounding_shift_away
from tests.simulator.engines import assert_engines_agree

TEXT = """
graph logs scaled
%x: i8[ROWS,COLUMNS]{scale=f32(SCALE), zero_point=-5} = input
%y: i8[ROWS,COLUMNS]{scale=f32(0.0625), zero_point=127} = log_softmax(%x) axis=1 from "logs"
return %y
"""
AWAY = Rounding.HALF_AWAY_FROM_ZERO


def expected(codes: list[int], scale: float) -> list[int]:
    """What the kernels do with one row, their test for distances that overflow included."""
    multiplier, shift = multipliers.quantize_multiplier(min(scale * 2.0**26, 2.0**31 - 1))
    scaling = DoubleRounding(multiplier, shift, AWAY)
    minimum = -int(31 * 2**26 // 2**shift)
    distances = [code - max(codes) for code in codes]
    near = [scaling.apply(d) for d in distances if d >= minimum]
    total = sum(rounding_shift_away(exp_of_negative(each, 5), 12) for each in near)
    log = logarithm(total)
    reverse = DoubleRounding(
        *multipliers.quantize_multiplier(2.0 ** (31 - shift) / multiplier), AWAY
    )
    least = max(minimum - 1, reverse.apply(log - 2**31))
    found: list[int] = []
    for distance in distances:
        code = rounding_shift_away(scaling.apply(distance) - log, 22) + 127
        found.append(min(max(code, -128), 127) if distance > least else -128)
    return found


def text_of(rows: int, columns: int, scale: float) -> str:
    text = TEXT.replace("ROWS", str(rows)).replace("COLUMNS", str(columns))
    return text.replace("SCALE", repr(float(np.float32(scale))))


@pytest.mark.parametrize("profile", ["tflm", "litert-ref-1.2", "litert-ref-1.3"])
@pytest.mark.parametrize("scale", [0.001, 0.0625, 0.13, 15.9, 31.0, 50.0])
@pytest.mark.parametrize("columns", [1, 3, 500])
def test_codes_are_those_of_the_kernels(profile: str, scale: float, columns: int) -> None:
    rng = np.random.default_rng(columns)
    reach = np.array([0, 1, 2, 8, 40, 100])
    codes = rng.integers(-reach[:, None], reach[:, None] + 1, (len(reach), columns))
    ends = np.where(np.arange(columns) % 7 == 3, -128, 127)
    array = np.concatenate([codes, ends[None, :]]).astype(np.int8)
    graph = select_arithmetic(
        parse_graph(text_of(len(array), columns, scale)), load_profile(profile)
    )
    found = assert_engines_agree(graph, {"x": array})[graph.outputs[0]]
    rounded = float(np.float32(scale))
    assert found.tolist() == [expected(row, rounded) for row in array.tolist()]
    reals = rounded * (array.astype(float) - array.max(axis=1, keepdims=True))
    reals -= np.log(np.exp(reals).sum(axis=1, keepdims=True))
    assert np.abs(found - np.maximum(127 + 16 * reals, -128)).max() < 0.51


def test_the_logarithm_is_that_of_the_machine() -> None:
    """To its last bit, where codes would hide some of them."""
    graph = select_arithmetic(parse_graph(text_of(300, 40, 0.13)), load_profile("tflm"))
    inside = replace(
        graph,
        outputs=("y.total", "y.logarithm"),
        output_sources=("total", "logarithm"),
        output_quantizations=(),
    )
    rng = np.random.default_rng(1)
    reach = rng.integers(1, 128, (300, 1))
    array = rng.integers(-reach, reach + 1, (300, 40)).astype(np.int8)
    found = assert_engines_agree(inside, {"x": array})
    totals, logarithms = (found[name].reshape(-1).tolist() for name in inside.outputs)
    assert len(set(totals)) > 200
    assert logarithms == [logarithm(total) for total in totals]


@pytest.mark.parametrize(
    ("profile", "change", "found"),
    [
        ("single-rounding", ("", ""), "no formula for it in the profile"),
        ("litert-opt-x86", ("", ""), "no formula for it in the profile"),
        ("tflm", ("0.0625", "0.06"), "its result has scale 0.06"),
        ("tflm", ("=127", "=126"), "zero point 126"),
        ("tflm", ("[2,3]", "[2,4096]"), "4096 elements"),
    ],
)
def test_what_has_no_formula_is_refused(profile: str, change: tuple[str, str], found: str) -> None:
    text = text_of(2, 3, 0.1).replace(*change)
    with pytest.raises(UnsupportedModel, match=found):
        select_arithmetic(parse_graph(text), load_profile(profile))
