# SPDX-License-Identifier: Apache-2.0
"""Functions as tables of a hardware file's size."""

from fractions import Fraction

import numpy as np
import pytest

from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import InvalidProfile
from intaglio.numerics import functions
from intaglio.numerics.profile import Profile, load_profile, parse_profile
from intaglio.numerics.rounding import Rounding

HEAD = 'schema = 1\nbase = "single-rounding"\nname = "mine"\ntitle = "mine"\n'


def machine(method: str) -> Profile:
    return parse_profile(f'{HEAD}[[unary]]\nmethod = {{ kind = "table", {method} }}\n', "mine")


def looked_up(profile: Profile, type: str, scale: str = "0.03125") -> list[int]:
    bits = int(type[1:])
    graph = parse_graph(
        f"graph net scaled\n%x: {type}[1,4]{{scale=f32({scale}), zero_point=3}} = input\n"
        f"%y: {type}[1,4]{{scale=f32({2.0 ** (1 - bits)}), zero_point=2}} = "
        "unary(%x) function=tanh\nreturn %y\n"
    )
    (table,) = select_arithmetic(graph, profile).constants
    codes: list[int] = table.array.tolist()
    return codes


def test_an_entry_for_each_code_is_the_exact_table() -> None:
    each = machine('entries=256, step_bits=0, interpolation="none", rounding="floor"')
    assert looked_up(each, "i8") == looked_up(
        parse_profile(
            HEAD + '[[unary]]\nmethod={kind="exact-table", rounding="half-away-from-zero"}\n', "-"
        ),
        "i8",
    )


def test_an_interpolated_table_by_its_definition() -> None:
    profile = machine(
        'entries=17, step_bits=3, interpolation="linear", rounding="half-even", '
        'first=-64, fraction_bits=4, extrapolation="slope"'
    )
    found = looked_up(profile, "i8")
    samples = [
        functions.tanh(Fraction(-64 + 8 * k - 3, 32)).rounded_to_integer(
            Fraction(1, 128 * 16), Rounding.HALF_AWAY_FROM_ZERO
        )
        for k in range(17)
    ]
    for code, value in zip(range(-128, 128), found, strict=True):
        k = min(max((code + 64) // 8, 0), 15)
        exact = samples[k] + Fraction((samples[k + 1] - samples[k]) * (code + 64 - 8 * k), 8)
        assert value == min(max(round(exact / 16) + 2, -128), 127)


def test_entries_saturate_to_their_width() -> None:
    narrow = machine(
        'entries=256, step_bits=0, interpolation="none", rounding="floor", entry_bits=4'
    )
    found = looked_up(narrow, "i8")
    assert (min(found), max(found)) == (-8 + 2, 7 + 2)


def test_sixteen_bits_are_near_the_function() -> None:
    profile = machine('entries=513, step_bits=7, interpolation="linear", rounding="half-even"')
    found = np.array(looked_up(profile, "i16", scale="0.000244140625"))
    exact = looked_up(load_profile("single-rounding"), "i16", scale="0.000244140625")
    assert 0 < np.abs(found - exact).max() <= 4


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ('entries=1, step_bits=0, interpolation="linear", rounding="floor"', "entries"),
        ('entries=4, step_bits=17, interpolation="none", rounding="floor"', "step_bits"),
        (
            'entries=4, step_bits=1, interpolation="none", rounding="floor", extrapolation="slope"',
            "extrapolation",
        ),
    ],
)
def test_tables_that_contradict_themselves(method: str, place: str) -> None:
    with pytest.raises(InvalidProfile, match=rf"unary\[0\]\.method\.{place}: found"):
        machine(method)
