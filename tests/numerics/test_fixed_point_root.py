# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intaglio.errors import InvalidOption
from intaglio.numerics.fixed_point_root import inverse_square_root


@given(st.integers(1, 2**31 - 1))
@example(2)
@example(2**29 - 1)
@example(2**29)
@example(2**31 - 1)
def test_the_inverse_square_root_is_near(x: int) -> None:
    multiplier, shift = inverse_square_root(x)
    assert 0 < multiplier < 2**31
    assert abs(multiplier * 2.0 ** (shift - 31) * x**0.5 - 1) < 2**-9


def test_the_integers_of_newtons_iteration() -> None:
    found = [inverse_square_root(x) for x in (0, 1, 2, 3, 4, 255, 2**29, 2**31 - 1)]
    assert found == [
        (2147483647, 0),
        (2147483647, 0),
        (1518498372, 0),
        (1239850284, 0),
        (1073741828, 0),
        (268961290, -1),
        (379624593, -12),
        (189812531, -12),
    ]


@pytest.mark.parametrize("x", [-1, 2**31])
def test_what_is_no_radicand_is_refused(x: int) -> None:
    with pytest.raises(InvalidOption, match="radicand"):
        inverse_square_root(x)
