# SPDX-License-Identifier: Apache-2.0
"""Of the types that a machine has, the one that serves instead of another."""

import pytest

from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.datapath import nearest_type


@pytest.mark.parametrize(
    ("types", "wanted", "nearest"),
    [
        ("i4 i8 i16", "i7", "i8"),
        ("i4 i8", "i16", "i8"),
        ("u8 i16", "i8", "i16"),
        ("u8 u16", "i12", "u16"),
        ("i8 u8", "u4", "u8"),
    ],
)
def test_the_nearest_type(types: str, wanted: str, nearest: str) -> None:
    offered = tuple(IntType.parse(word) for word in types.split())
    assert nearest_type(offered, IntType.parse(wanted)) == IntType.parse(nearest)
