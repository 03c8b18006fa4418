# SPDX-License-Identifier: Apache-2.0
"""What is certified of sums, and what is refused."""

from itertools import product

import pytest

from intaglio.compiler.analysis.accumulator_bits import accumulator_report
from intaglio.compiler.analysis.sum_certificates import (
    RefusedSum,
    SumCertificate,
    operand_codes,
    sum_certificates,
)
from intaglio.compiler.ir.text import parse_graph
from intaglio.numerics.intervals import Interval


def certificate(text: str) -> SumCertificate:
    (found,) = sum_certificates(parse_graph(text))
    assert isinstance(found, SumCertificate)
    return found


def test_bounds_are_reached_and_never_passed() -> None:
    found = certificate("""
        graph small fixed
        %x: i3[1,3] = input
        %w: i4[3,1] = constant [-3, 2, 5]
        %b: i8[1] = constant [-4]
        %y: i7[1,1] = mat_mul(%x, %w, %b) accumulator=accumulator(type=i7) left_zero_point=1
        return %y
    """)
    codes = range(-4, 4)
    totals = [
        sum((x - 1) * w for x, w in zip(xs, (-3, 2, 5), strict=True)) - 4
        for xs in product(codes, repeat=3)
    ]
    assert (found.weights_known.low, found.weights_known.high) == ((min(totals),), (max(totals),))
    subsets = [
        sum((x - 1) * w for x, w, taken in zip(xs, (-3, 2, 5), used[:3], strict=True) if taken)
        - 4 * used[3]
        for xs in product(codes, repeat=3)
        for used in product((0, 1), repeat=4)
    ]
    assert (found.any_order.low, found.any_order.high) == ((min(subsets),), (max(subsets),))
    anything = [3 * (x - 1) * w - 4 for x in codes for w in range(-8, 8)]
    assert (found.type_only.low, found.type_only.high) == ((min(anything),), (max(anything),))
    assert found.signed == ((-3,), (7,))
    assert found.bias == (-4,)
    assert found.fits == (True, True)
    bits = (found.type_only.bits[0], found.weights_known.bits[0], found.any_order.bits[0])
    assert bits == (8, 7, 7)


def test_widths_are_those_of_the_report() -> None:
    graph = parse_graph("""
        graph small fixed
        %x: u2[1,2,2,1] = input
        %w: i3[2,2,2,1] = constant [1, -2, 3, -4, -1, -1, 0, 2]
        %y: i5[1,2,2,2] = conv2d(%x, %w) accumulator=accumulator(type=i5) strides=[1, 1]
            pads=[0, 0, 1, 1] input_zero_point=1 pad_value=3 weight_zero_points=[1, -1]
        return %y
    """)
    (report,) = accumulator_report(graph)
    (found,) = sum_certificates(graph)
    assert isinstance(found, SumCertificate)
    assert max(found.type_only.bits) == report.type_bits
    assert max(found.weights_known.bits) == report.final_bits
    assert found.any_order.bits == report.channel_bits
    assert found.fits == (report.final_bits <= 5, report.any_order_bits <= 5)


CODES = """
    graph small fixed
    %x: u8[1,4,4,2] = input
    %r: u8[1,4,4,2] = requantize(%x) requantizers=2 * requantizer(scaling=shift(shift=1,
        rounding=floor), zero_point=0, low={7, 9}, high={99, 80})
    %p: u8[1,2,2,2] = max_pool2d(%r) kernel=[2, 2] strides=[2, 2]
    %v: u8[1,8] = reshape(%p)
    %t: u9[1,8] = add(%v, %v)
    return %t
"""


@pytest.mark.parametrize(
    ("value", "codes", "giver"),
    [
        ("x", Interval(0, 255), "x"),
        ("r", Interval(7, 99), "r"),
        ("v", Interval(7, 99), "r"),
        ("t", Interval(0, 511), "t"),
    ],
)
def test_codes_are_those_that_the_graph_states_in_one_place(
    value: str, codes: Interval, giver: str
) -> None:
    graph = parse_graph(CODES)
    assert operand_codes(graph, value) == (codes, giver)


@pytest.mark.parametrize(
    ("accumulator", "reason"),
    [
        ("type=i32, partial_sums=partial_sums(length=2, type=i20)", "adds up partial sums"),
        ("type=i32, truncation=product_truncation(dropped_bits=2)", "drops bits"),
        ("type=u32", "is unsigned"),
    ],
)
def test_accumulators_without_a_certificate_are_named(accumulator: str, reason: str) -> None:
    word = accumulator[5:8]
    graph = parse_graph(f"""
        graph small fixed
        %x: u3[1,3] = input
        %w: u4[3,1] = constant [3, 2, 5]
        %y: {word}[1,1] = mat_mul(%x, %w) accumulator=accumulator({accumulator})
        return %y
    """)
    (found,) = sum_certificates(graph)
    assert isinstance(found, RefusedSum)
    assert reason in found.reason


def test_weights_of_the_run_are_named() -> None:
    graph = parse_graph("""
        graph small fixed
        %x: i3[2,3] = input
        %w: i4[3,2] = input
        %y: i32[2,2] = mat_mul(%x, %w) accumulator=accumulator(type=i32)
        return %y
    """)
    (found,) = sum_certificates(graph)
    assert isinstance(found, RefusedSum)
    assert found.reason == "its weights, w, are computed at run time"


@pytest.mark.parametrize(("x", "w", "named"), [("i21", "i4", "x"), ("i4", "u21", "w")])
def test_operands_too_wide_for_the_checker_are_named(x: str, w: str, named: str) -> None:
    graph = parse_graph(f"""
        graph small fixed
        %x: {x}[1,3] = input
        %w: {w}[3,1] = constant [3, 2, 5]
        %y: i48[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i48)
        return %y
    """)
    (found,) = sum_certificates(graph)
    assert isinstance(found, RefusedSum)
    assert found.reason == f"{named} has 21 bits, and the checker adds up at most 20 in its place"
