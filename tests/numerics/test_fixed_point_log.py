# SPDX-License-Identifier: Apache-2.0
from math import log

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics.fixed_point_log import logarithm

ONE = 2**19


@given(st.integers(ONE, 2**31 - 1))
@example(ONE)
@example(ONE + 1)
@example(2 * ONE - 1)
@example(741455)
@example(741456)
@example(2**31 - 1)
def test_the_logarithm_is_near(x: int) -> None:
    assert abs(logarithm(x) / 2**26 - log(x / ONE)) < 2**-19


@pytest.mark.parametrize("x", [-1, 0, ONE - 1, 2**31])
def test_what_has_no_logarithm_is_refused(x: int) -> None:
    with pytest.raises(InvalidOption, match="fixed-point logarithm"):
        logarithm(x)
