# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.passes.select_arithmetic.branches import Branches
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, RationalMultiply

SCALINGS = st.builds(
    DoubleRounding,
    st.integers(1 << 30, (1 << 31) - 1),
    st.integers(-20, 8),
    st.just(Rounding.HALF_AWAY_FROM_ZERO),
)
ZERO_POINTS = st.integers(-300, 300)


@given(
    SCALINGS, SCALINGS, ZERO_POINTS, ZERO_POINTS, st.integers(-128, 127), st.sampled_from([1, -1])
)
def test_each_sign_goes_its_own_way(
    above: DoubleRounding,
    below: DoubleRounding,
    zero_point: int,
    target_zero_point: int,
    factor: int,
    sign: int,
) -> None:
    codes = [*range(-512, 512, 7), zero_point - 1, zero_point, zero_point + 1]
    expected = [
        above.apply(code - zero_point) + target_zero_point
        if code >= zero_point
        else sign * below.apply(factor * (code - zero_point)) + target_zero_point
        for code in codes
    ]
    branches = Branches(zero_point, target_zero_point, above, below, factor, sign)
    assert branches(np.array(codes, np.int64)).tolist() == expected


def test_codes_beyond_every_word_saturate() -> None:
    """(1 << 15) * 2**60 needs more than 64 bits."""
    far = RationalMultiply(1 << 60, 1, Rounding.HALF_EVEN)
    branches = Branches(0, 0, far, far)
    assert branches(np.array([1 << 15, -1 << 15], np.int64)).tolist() == [1 << 52, -(1 << 52)]
