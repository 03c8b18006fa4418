# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.parameters import Encoding, parameters_for
from intaglio.compiler.real.ranges.data_free_ranges import (
    DataFreeRule,
    SigmaRule,
    WeightedErrorRule,
    data_free_ranges,
)
from intaglio.compiler.real.ranges.ranges import Range, settle_ranges
from intaglio.errors import InvalidData
from tests.compiler.real.building import parse

U8 = Encoding(8, signed=False)
TEXT = "(float[N,2] x) => (y) { a = Gemm(x, v)  r = Relu(a)  y = Gemm(r, w) }"
EYE = np.eye(2, dtype=np.float32)
ENDLESS = ChannelDistribution.normal(np.array([1.0, -2.0]), np.array([1.0, 2.0]))
INPUT = ENDLESS.clipped(-1.0, np.array([2.0, 3.0]))
HIDDEN = ENDLESS.clipped(0.0, np.inf)


def ranges(
    rule: DataFreeRule,
    encoding: Encoding = U8,
    hidden: ChannelDistribution = HIDDEN,
    scales: tuple[float, float] = (1.0, 1.0),
) -> dict[str, Range]:
    """Of a network of two matrix products, the second one diagonal."""
    model = parse(TEXT, v=EYE, w=np.diag(scales).astype(np.float32))
    given = {"x": INPUT, "r": hidden, "y": ENDLESS}
    return data_free_ranges(model, given, rule, encoding)


def test_sigmas_around_the_mean_of_each_channel_end_where_it_does() -> None:
    found = ranges(SigmaRule(3.0))
    assert found == {"x": Range(-1.0, 3.0), "r": Range(0.0, 4.0), "y": Range(-8.0, 4.0)}
    capped = ranges(SigmaRule(3.0), hidden=HIDDEN.clipped(0.0, 3.5))
    assert capped["r"] == Range(0.0, 3.5)
    assert ranges(SigmaRule())["y"] == Range(-14.0, 10.0)


def test_inputs_keep_their_ends_and_outputs_are_wide_under_the_error_rule() -> None:
    found = ranges(WeightedErrorRule(5.0, 5.0))
    assert found["x"] == Range(-1.0, 3.0)
    assert found["y"] == Range(-12.0, 8.0)


def test_a_channel_that_nobody_reads_does_not_widen_the_range() -> None:
    hidden = ChannelDistribution.normal(np.array([0.0, 0.0]), np.array([1.0, 100.0]))
    hidden = hidden.clipped(0.0, np.inf)
    both = ranges(WeightedErrorRule(), hidden=hidden)["r"]
    assert both.maximum > 200
    first = ranges(WeightedErrorRule(), hidden=hidden, scales=(1.0, 0.0))["r"]
    assert 4.5 < first.maximum < 8
    little = ranges(WeightedErrorRule(), hidden=hidden, scales=(1.0, 0.002))["r"]
    assert first.maximum < little.maximum < both.maximum


def test_fewer_bits_cut_more() -> None:
    found = [ranges(WeightedErrorRule(), Encoding(bits, signed=False))["r"] for bits in (2, 4, 16)]
    ends = [one.maximum for one in found]
    assert ends == sorted(ends)
    assert ends[0] < 0.7 * ends[-1]


def test_scales_that_are_powers_of_two_are_known_to_the_error_rule() -> None:
    encoding = Encoding(8, signed=False, power_of_two=True)
    # 4.1 needs the scale 2**-5 that ends at 7.97; 2**-6 ends at 3.98 and cuts next to nothing.
    both = ChannelDistribution.normal(np.array([0.0, 0.1]), np.array([1.0, 0.8])).clipped(0.0, 4.1)
    found = ranges(WeightedErrorRule(), encoding, both)["r"]
    assert parameters_for(found.minimum, found.maximum, encoding).scales == (2.0**-6,)
    covered = ranges(SigmaRule(), encoding, both)["r"]
    assert parameters_for(covered.minimum, covered.maximum, encoding).scales == (2.0**-5,)


def test_all_missing_distributions_are_named_at_once() -> None:
    model = parse(TEXT.replace("y = Gemm(r, w)", "s = Sigmoid(r)  y = Mul(r, s)"), v=EYE)
    with pytest.raises(InvalidData) as caught:
        data_free_ranges(model, {"r": HIDDEN}, SigmaRule(), U8, {"x": "nothing was given"})
    message = str(caught.value)
    assert "x (nothing was given), y: found none for 2 of 4 values" in message
    assert "--input-range or --preprocessing" in message
    assert "data with --calibration" in message


def test_neighbours_that_lack_for_the_same_reason_share_it() -> None:
    model = parse(TEXT, v=EYE, w=EYE)
    why: dict[str, str] = {"r": "behind a", "y": "behind a"}
    with pytest.raises(InvalidData, match=r"data: x, r and y \(behind a\): found none for 3 of 3"):
        data_free_ranges(model, {}, SigmaRule(), U8, why)


def test_a_capped_value_has_the_range_that_its_cap_leaves() -> None:
    model = parse(
        TEXT.replace("y = Gemm(r, w)", "m = Min(r, cap)  y = Gemm(m, w)"),
        v=EYE, w=EYE, cap=np.array([[0.5, 1.5]], dtype=np.float32),
    )  # fmt: skip
    capped = HIDDEN.clipped(0.0, np.array([0.5, 1.5]))
    given = {"x": INPUT, "r": HIDDEN, "m": capped, "y": ENDLESS}
    found = data_free_ranges(model, given, WeightedErrorRule(), U8)
    assert 1.3 < found["m"].maximum <= 1.5
    settled = settle_ranges(model, found, U8)
    assert settled["r"] == settled["m"] == found["m"]
