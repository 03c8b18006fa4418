# SPDX-License-Identifier: Apache-2.0
"""Unit vectors in fixed point: the kernels' own codes, near the real ones."""

import numpy as np
import pytest

from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.fixed_point_root import inverse_square_root
from intaglio.numerics.profile import load_profile
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding
from tests.simulator.engines import assert_engines_agree

PROFILES = ("tflm", "litert-ref-1.3", "litert-xnnpack-x86")
TEXT = """
graph unit scaled
%x: u8[ROWS,COLUMNS]{scale=f32(0.1), zero_point=100} = input
%y: u8[ROWS,COLUMNS]{scale=f32(0.0078125), zero_point=128} = l2_normalization(%x) axis=1 from "norm"
return %y
"""


def expected(codes: list[int], zero_point: int, signed: bool) -> list[int]:
    """What the kernels of int8 and uint8 do with one row."""
    values = [code - zero_point for code in codes]
    multiplier, shift = inverse_square_root(sum(v * v for v in values))
    late = 7 if signed else 0
    scaling = DoubleRounding(multiplier, shift + late, Rounding.HALF_AWAY_FROM_ZERO)
    found = [scaling.apply(v << (7 - late)) + (0 if signed else 128) for v in values]
    low, high = (-128, 127) if signed else (0, 255)
    return [min(max(code, low), high) for code in found]


def text_of(element: str, rows: int, columns: int) -> str:
    text = TEXT.replace("ROWS", str(rows)).replace("COLUMNS", str(columns))
    if element == "i8":
        text = text.replace("u8", "i8").replace("=128", "=0").replace("=100", "=-28")
    return text


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("element", ["i8", "u8"])
@pytest.mark.parametrize("columns", [1, 3, 500])
def test_codes_are_those_of_the_kernels(profile: str, element: str, columns: int) -> None:
    signed = element == "i8"
    zero_point, low = (-28, -128) if signed else (100, 0)
    rng = np.random.default_rng(columns)
    reach = np.array([0, 1, 2, 3, 8, 40, 100])
    codes = zero_point + rng.integers(-reach[:, None], reach[:, None] + 1, (len(reach), columns))
    codes = np.concatenate([codes, np.full((1, columns), low + 255)])
    graph = select_arithmetic(
        parse_graph(text_of(element, len(codes), columns)), load_profile(profile)
    )
    array = codes.astype(np.int8 if signed else np.uint8)
    found = assert_engines_agree(graph, {"x": array})[graph.outputs[0]]
    assert found.tolist() == [expected(row, zero_point, signed) for row in codes.tolist()]
    values = (codes - zero_point).astype(float)
    norms = np.sqrt((values**2).sum(axis=1, keepdims=True))
    real = 128 * values / np.maximum(norms, 1e-9)
    # A machine without a code for 1 takes the one below; the root is good to three digits.
    assert np.abs(found.astype(float) - _middle(signed) - real).max() < 1.6


def _middle(signed: bool) -> int:
    return 0 if signed else 128


@pytest.mark.parametrize(
    ("profile", "change", "found"),
    [
        ("single-rounding", ("", ""), "no formula for it in the profile"),
        ("tflm", ("0.0078125", "0.0078"), "its result has scale 0.0078"),
        ("tflm", ("[2,3]", "[2,99999]"), "99999 elements whose squares sum to"),
    ],
)
def test_what_has_no_formula_is_refused(profile: str, change: tuple[str, str], found: str) -> None:
    text = text_of("u8", 2, 3).replace(*change)
    with pytest.raises(UnsupportedModel, match=found):
        select_arithmetic(parse_graph(text), load_profile(profile))
