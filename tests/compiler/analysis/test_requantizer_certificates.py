# SPDX-License-Identifier: Apache-2.0
"""Requantizer certificates against every accumulator that can come."""

from fractions import Fraction

import pytest

from intaglio.compiler.analysis.requantizer_certificates import (
    RefusedRequantizer,
    RequantizerCertificate,
    multiplier_bits,
    requantizer_certificates,
)
from intaglio.compiler.analysis.sum_certificates import sum_certificates
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.text import parse_graph
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, round_fraction
from intaglio.numerics.scalings import MultiplyShift

DOT = """
    graph small fixed
    %x: i4[1,3] = input
    %w: i4[3,2] = constant [-3, 2, 5, 7, -8, 1]
    %b: i8[2] = constant [-4, 100]
    %a: {word}[1,2] = mat_mul(%x, %w, %b) accumulator=accumulator(type={word}{rule})
    %y: i8[1,2] = requantize(%a) requantizers=2 * requantizer(scaling={scaling},
        zero_point=3, low=-20, high=25)
    return %y
"""
UP = "rounding=half-toward-positive"


def proved(
    scaling: str, scales: tuple[Fraction, ...] = (), word: str = "i16", rule: str = ""
) -> RequantizerCertificate | RefusedRequantizer:
    graph = parse_graph(DOT.format(scaling=scaling, word=word, rule=rule))
    (found,) = requantizer_certificates(
        graph, sum_certificates(graph), {"a": scales} if scales else {}
    )
    return found


@pytest.mark.parametrize(
    "scaling",
    [
        f"multiply_shift(multiplier=1000, shift=13, {UP})",
        "multiply_shift(multiplier={77, 1000}, shift={9, 12}, rounding=half-even)",
        "multiply_shift(multiplier=77, shift=9, rounding=toward-zero)",
        "double_rounding(multiplier=1717986918, shift={-2, -3}, ties=half-away-from-zero)",
        "multiply_add_shift(multiplier=77, addend=256, shift=9, rounding=floor, sum_type=none)",
        "float32_multiply(factor=f32(0.15))",
    ],
)
def test_every_accumulator_is_counted(scaling: str) -> None:
    scales = (Fraction(3, 20), Fraction(1, 8))
    found = proved(scaling, scales)
    assert isinstance(found, RequantizerCertificate)
    op = found.node.op
    assert isinstance(op, fixed.Requantize)
    assert found.real is not None
    assert found.real.scales == scales
    for channel, one in enumerate(op.requantizers):
        within = range(found.reachable[channel].low, found.reachable[channel].high + 1)
        assert len(within) > 100
        outputs = [one.apply(x) for x in within]
        rounding = {
            "MultiplyAddShift": Rounding.HALF_TOWARD_POSITIVE,
            "DoubleRounding": Rounding.HALF_AWAY_FROM_ZERO,
            "Float32Multiply": Rounding.HALF_EVEN,
        }.get(type(one.scaling).__name__) or getattr(one.scaling, "rounding")  # noqa: B009
        ideal = [
            min(max(round_fraction(x * scales[channel], rounding) + 3, -20), 25) for x in within
        ]
        unequal = sum(a != b for a, b in zip(outputs, ideal, strict=True))
        assert found.real.differing[channel] == unequal
        for wanted, smallest in (
            (outputs, found.smallest[channel]),
            (ideal, found.real.smallest[channel]),
        ):
            assert smallest == fewest_bits(wanted, within, rounding)


def fewest_bits(wanted: list[int], within: range, rounding: Rounding) -> MultiplyShift | None:
    """By trying every multiplier at every shift, narrow ones first."""
    for bits in range(13):
        for shift in range(20):
            for multiplier in range(1 << bits >> 1, 1 << bits):
                scaling = MultiplyShift(multiplier, shift, rounding)
                one = Requantizer(scaling, 3, -20, 25)
                if all(one.apply(x) == y for x, y in zip(within, wanted, strict=True)):
                    return scaling
    return None


def test_errors_are_exact() -> None:
    found = proved(f"multiply_shift(multiplier=5, shift=5, {UP})", (Fraction(1, 6),))
    assert isinstance(found, RequantizerCertificate)
    assert found.real is not None
    assert found.real.errors == (Fraction(1, 16), Fraction(1, 16))


def test_reachable_accumulators_follow_the_overflow_rule() -> None:
    scaling = f"multiply_shift(multiplier=5, shift=5, {UP})"
    exact, wrapped, saturated, trapped = (
        proved(scaling, word=word, rule=rule)
        for word, rule in (
            ("i16", ""),
            ("i8", ""),
            ("i8", ", overflow=saturate"),
            ("i8", ", overflow=trap"),
        )
    )
    ends = [
        [(each.low, each.high) for each in found.reachable]
        for found in (exact, wrapped, saturated, trapped)
        if isinstance(found, RequantizerCertificate)
    ]
    assert ends[0] == [(-121, 119), (20, 170)]
    assert ends[1] == [(-121, 119), (-128, 127)]
    assert ends[2] == ends[3] == [(-121, 119), (20, 127)]


def test_the_widest_multiplier_of_a_layer() -> None:
    one, other = (MultiplyShift(value, 0, Rounding.FLOOR) for value in (5, -9))
    assert multiplier_bits((one, other)) == 4
    assert multiplier_bits((one, None)) is None


def test_what_has_no_certificate_is_named() -> None:
    falling = proved(f"multiply_shift(multiplier=-5, shift=5, {UP})")
    assert isinstance(falling, RefusedRequantizer)
    assert "falls" in falling.reason
    adding = proved(
        "multiply_add_shift(multiplier=77, addend=9, shift=9, rounding=floor, sum_type=none)",
        (Fraction(1, 6),),
    )
    assert isinstance(adding, RequantizerCertificate)
    assert "adds to the product" in adding.unknown
