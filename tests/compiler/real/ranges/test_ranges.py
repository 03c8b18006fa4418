# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping

import numpy as np
import pytest

from intaglio.compiler.real.parameters import Encoding, parameters_for
from intaglio.compiler.real.ranges.ranges import Range, observed_ranges, settle_ranges
from intaglio.compiler.real.statistics import Statistics, ValueStatistics
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, parse, random

U8 = Encoding(8, signed=False)


def settle(
    text: str,
    ranges: Mapping[str, tuple[float, float]],
    unify: bool = False,
    /,
    **constants: Array,
) -> dict[str, Range]:
    """The settled ranges of a model."""
    given = {name: Range(*ends) for name, ends in ranges.items()}
    return settle_ranges(parse(text, **constants), given, U8, unify=unify)


def test_observed_extremes_are_ranges() -> None:
    statistics = Statistics({"x": ValueStatistics(-1.0, 2.0, 5)}, 1)
    assert observed_ranges(statistics) == {"x": Range(-1.0, 2.0)}


def test_a_clamp_swallows_the_value_before_it() -> None:
    found = settle(
        """(float[N,4] x) => (y) {
            a = Gemm(x, w)
            r = Relu(a)
            y = Clip(r, , six) }""",
        {"x": (-1, 1), "y": (0, 5)},
        w=random(1, 4, 4),
        six=np.array(6, dtype=np.float32),
    )
    assert found == {"x": Range(-1, 1), "y": Range(0, 5)}


def test_a_value_that_more_than_a_clamp_reads_is_quantized() -> None:
    found = settle(
        "(float[N,4] x) => (y) { a = Gemm(x, w)  r = Relu(a)  y = Add(a, r) }",
        {"x": (-1, 1), "a": (-3, 3), "r": (0, 3), "y": (-3, 6)},
        w=random(1, 4, 4),
    )
    assert set(found) == {"x", "a", "r", "y"}


def test_a_clamp_of_an_input_or_a_moved_value_leaves_it_quantized() -> None:
    found = settle(
        """(float[N,2,4,4] x) => (y) {
            p = MaxPool<kernel_shape=[2,2]>(x)
            y = Relu(p) }""",
        {"x": (-2, 1), "p": (-1, 1), "y": (0, 1)},
    )
    assert found == {"x": Range(-2, 1), "p": Range(-2, 1), "y": Range(0, 1)}


@pytest.mark.parametrize(
    ("clamp", "seen", "expected"),
    [
        ("Relu(a)", (-5.0, 9.0), Range(0.0, 9.0)),
        ("Clip(a, low, high)", (-5.0, 9.0), Range(-1.0, 6.0)),
        ("Clip(a, low, high)", (-0.5, 3.0), Range(-0.5, 3.0)),
        ("Clip(a, , high)", (-5.0, 9.0), Range(-5.0, 6.0)),
        ("Clip(a, low)", (7.0, 9.0), Range(0.0, 9.0)),
    ],
)
def test_predicted_ranges_end_where_the_clamp_does(
    clamp: str, seen: tuple[float, float], expected: Range
) -> None:
    found = settle(
        f"(float[N,4] x) => (y) {{ a = Gemm(x, w)  y = {clamp} }}",
        {"x": (-1, 1), "y": seen},
        w=random(1, 4, 4),
        low=np.array(-1, dtype=np.float32),
        high=np.array(6, dtype=np.float32),
    )
    assert found["y"] == expected


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("Sigmoid", Range(0, 255 / 256)),
        ("HardSigmoid", Range(0, 255 / 256)),
        ("Softmax", Range(0, 255 / 256)),
        ("Tanh", Range(-1, 127 / 128)),
    ],
)
def test_bounded_functions_have_fixed_ranges(op: str, expected: Range) -> None:
    assert settle(f"(float[N,4] x) => (y) {{ y = {op}(x) }}", {"x": (-1, 1)})["y"] == expected


@pytest.mark.parametrize("op", ["Sigmoid", "HardSigmoid", "Softmax", "Tanh"])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 7, 8, 16])
def test_fixed_ranges_need_a_power_of_two(op: str, symmetric: bool, bits: int) -> None:
    encoding = Encoding(bits, signed=True, symmetric=symmetric)
    model = parse(f"(float[N,4] x) => (y) {{ y = {op}(x) }}")
    found = settle_ranges(model, {"x": Range(-1, 1)}, encoding)["y"]
    (scale,) = parameters_for(found.minimum, found.maximum, encoding).scales
    assert scale == 2.0 ** (int(symmetric or op == "Tanh") - bits)


def test_concatenated_and_moved_values_share_a_range() -> None:
    found = settle(
        """(float[2,4] x, float[2,4] z) => (y) {
            s = Sigmoid(x)
            c = Concat<axis=1>(s, z, k)
            t = Transpose<perm=[1,0]>(c)
            a, b = Split<axis=1, num_outputs=2>(t)
            y = Add(a, b) }""",
        {"x": (-1, 1), "z": (-2, 0), "c": (-2, 1), "t": (-2, 1), "a": (0, 0), "b": (0, 0)}
        | {"y": (-4, 2)},
        k=np.array([[7.0], [0.0]], dtype=np.float32),
    )  # fmt: skip
    joint = Range(-2.0, 7.0)
    assert {name: found[name] for name in ("s", "z", "c", "t", "a", "b")} == dict.fromkeys(
        ("s", "z", "c", "t", "a", "b"), joint
    )
    assert found["x"] == Range(-1, 1)
    assert found["y"] == Range(-4, 2)


def test_padding_counts_into_the_range() -> None:
    found = settle(
        "(float[N,4] x) => (y) { y = Pad(x, p, v) }",
        {"x": (1, 2), "y": (-3, 2)},
        p=np.array([0, 1, 0, 0]),
        v=np.array(-3, dtype=np.float32),
    )
    assert found == {"x": Range(-3, 2), "y": Range(-3, 2)}


def test_a_cap_bounds_the_range_of_what_it_alone_reads() -> None:
    text = "(float[N,4] x) => (y) { a = Gemm(x, w)  y = Min(a, cap) }"
    ranges = {"x": (-1.0, 1.0), "a": (-90.0, 100.0), "y": (-2.0, 6.0)}
    constants = {"w": random(1, 4, 4), "cap": np.array([6, 5, 4, 3], dtype=np.float32)}
    found = settle(text, ranges, **constants)
    assert found["a"] == found["y"] == Range(-2, 6)
    shared = text.replace("y = Min", "z = Relu(a)  y = Min").replace("(y)", "(y, z)")
    found = settle(shared, {**ranges, "z": (0.0, 100.0)}, **constants)
    assert found["a"] == Range(-90, 100)
    assert found["y"] == Range(-2, 6)


SUMS = """(float[N,4] x) => (z) {
    a = Gemm(x, w)
    b = Relu(a)
    c = Add(b, x)
    d = Relu(c)
    e = Sub(d, k)
    z = Softmax(e) }"""
RANGES_OF_SUMS = {"x": (-1, 1), "b": (0, 3), "d": (0, 4), "e": (-9, 4), "z": (0, 1)}
SUMS_CONSTANTS = {"w": random(1, 4, 4), "k": np.array([12, 0, 0, -20], dtype=np.float32)}


def test_unified_additions_share_a_range_through_clamps_and_constants() -> None:
    found = settle(SUMS, RANGES_OF_SUMS, True, **SUMS_CONSTANTS)
    assert {found[name] for name in ("x", "b", "d", "e")} == {Range(-20, 12)}
    assert found["z"] == Range(0, 255 / 256)


def test_additions_have_ranges_of_their_own_otherwise() -> None:
    found = settle(SUMS, RANGES_OF_SUMS, **SUMS_CONSTANTS)
    assert found["x"] == Range(-1, 1)
    assert found["b"] == Range(0, 3)
    assert found["e"] == Range(-9, 4)


def test_a_missing_range_is_named() -> None:
    with pytest.raises(InvalidData, match="value y: found no range"):
        settle("(float[N,4] x) => (y) { y = Relu(x) }", {"x": (0, 1)})
