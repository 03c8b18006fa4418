# SPDX-License-Identifier: Apache-2.0
"""Ethos-U, as Vela programs it: its scales, its two rounding modes, its pools and its sums."""

import math

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.profile import load_profile
from intaglio.numerics.scalings import DoubleRounding
from tests.compiler.passes.select_arithmetic.accelerators.machines import (
    TRIPLES,
    Codes,
    clipped,
    codes_of,
    dense,
    every_pair,
    graph_of,
    pair,
    run,
    run_pairs,
    single,
)


def quantise_scale(scale: float) -> tuple[int, int]:
    """Significand of 32 bits and a shift of 6."""
    significand, exponent = math.frexp(scale)
    rounded = math.floor(significand * (1 << 31) + 0.5)
    shift = 31 - exponent
    return (rounded, shift) if 0 <= shift < 64 else (0, 16)


def reduced_quantise_scale(scale: float) -> tuple[int, int]:
    multiplier, shift = quantise_scale(scale)
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 32767 << 16 else 32767
    return reduced, shift - 16


def away(numerator: int, shift: int) -> int:
    """Halves away from zero."""
    half = (1 << shift) >> 1
    return (numerator + half) >> shift if numerator >= 0 else -((-numerator + half) >> shift)


def tfl(value: int, scale: int, shift: int) -> int:
    """TensorFlow Lite's two roundings: a doubling high multiply, half up, then half away."""
    left, right = max(31 - shift, 0), max(shift - 31, 0)
    return away(((value << left) * scale + (1 << 30)) >> 31, right)


def natural(value: int, scale: int, shift: int) -> int:
    return (value * scale + ((1 << shift) >> 1)) >> shift


W = np.array([[1, 0, 0], [127, -3, 88], [-57, 9, 100], [3, 0, 0]])
SCALES = [0.5, 0.0123, 0.00831, 0.2]


def sums(x: Codes, zero: int, bias: list[int]) -> Codes:
    found: Codes = (x[0, 0] - zero) @ W.T + np.array(bias)
    return found


@pytest.mark.parametrize(
    ("element", "op", "zeros"),
    [("i8", "conv2d", (3, -5)), ("u8", "conv2d", (131, 9)), ("i8", "fully_connected", (3, -5))],
)
def test_8_bits_round_twice(element: str, op: str, zeros: tuple[int, int]) -> None:
    x_scale, y_scale = single(0.0437), single(0.0871)
    bias = [5, -70000, 41, 0]
    graph = dense(element, element, (x_scale, SCALES, y_scale), zeros, W, ("i32", bias), op)
    x = codes_of(element, 3)
    found, totals = run(graph, "ethos-u", {"x": x})[0, 0], sums(x, zeros[0], bias)
    for channel, scale in enumerate(SCALES):
        if element == "u8" or op == "fully_connected":
            product = float(np.float32(x_scale) * np.float32(scale))
        else:
            product = x_scale * single(scale)
        multiplier = quantise_scale(product / y_scale)
        scaled = np.array([tfl(int(t), *multiplier) for t in totals[:, channel]])
        assert found[:, channel].tolist() == clipped(scaled + zeros[1], element).tolist()


def test_some_multiply_scales_in_float32() -> None:
    """uint8 and FULLY_CONNECTED; the multipliers differ in their last bits."""
    x_scale, scale, y_scale = single(0.0437), single(0.0123), single(0.0871)
    product = float(np.float32(x_scale) * np.float32(scale))
    rounded, exact = (quantise_scale(p / y_scale)[0] for p in (product, x_scale * scale))
    assert rounded != exact
    cases = [("i8", "conv2d", exact), ("i8", "fully_connected", rounded), ("u8", "conv2d", rounded)]
    for element, op, expected in cases:
        graph = dense(element, element, (x_scale, [scale], y_scale), (0, 0), W[:1], op=op)
        lowered = select_arithmetic(graph, load_profile("ethos-u"))
        ((_, requantize),) = lowered.nodes_of(fixed.Requantize)
        chosen = requantize.requantizers[0].scaling
        assert isinstance(chosen, DoubleRounding)
        assert chosen.multiplier == expected


@pytest.mark.parametrize("x_scale", [0.5, 0.25, 0.0437])
def test_8_bits_on_ties(x_scale: float) -> None:
    w = np.array([[1], [-3], [127]])
    scales = [0.25, 0.125, 2.0**-7]
    graph = dense("i8", "i8", (x_scale, scales, 0.5), (3, -5), w)
    x = codes_of("i8", 1)
    found, totals = run(graph, "ethos-u", {"x": x})[0, 0], (x[0, 0] - 3) @ w.T
    for channel, scale in enumerate(scales):
        multiplier = quantise_scale(single(x_scale) * scale / 0.5)
        scaled = np.array([tfl(int(t), *multiplier) for t in totals[:, channel]])
        assert found[:, channel].tolist() == clipped(scaled - 5, "i8").tolist()


@pytest.mark.parametrize("bias", [("i64", [5, 1 << 37, -41, 0]), ("i32", [5, 1 << 30, -41, 0])])
def test_16_bits_round_once(bias: tuple[str, list[int]]) -> None:
    """Half up; with a bias of 64 bits by a multiplier of 16, in an accumulator of 40."""
    x_scale, y_scale = single(0.00437), 0.5
    graph = dense("i16", "i16", (x_scale, SCALES, y_scale), (0, 0), W, bias)
    x = codes_of("i16", 3)
    found, totals = run(graph, "ethos-u", {"x": x})[0, 0], sums(x, 0, bias[1])
    quantise = reduced_quantise_scale if bias[0] == "i64" else quantise_scale
    for channel, scale in enumerate(SCALES):
        multiplier = quantise(x_scale * single(scale) / y_scale)
        scaled = np.array([natural(int(t), *multiplier) for t in totals[:, channel]])
        assert found[:, channel].tolist() == clipped(scaled, "i16").tolist()


def pooling_scale(count: int) -> tuple[int, int]:
    """``quantise_pooling_scale`` without bits for a rescale."""
    _, k = math.frexp(count - 1)
    return ((1 << (31 + k)) + (1 << k)) // count, 31 + k


@pytest.mark.parametrize("kernel", [(1, 2), (2, 2), (2, 3), (3, 3), (4, 4), (7, 7)])
def test_pools_multiply_by_a_reciprocal_of_32_bits(kernel: tuple[int, int]) -> None:
    """Raw codes, zero point and all; every sum of a window, of large ones every fifth."""
    count = kernel[0] * kernel[1]
    totals = range(-128 * count, 127 * count + 1, 1 if count < 12 else 5)
    parts = [divmod(total, count) for total in totals]
    windows = np.array([[low + (at < extra) for at in range(count)] for low, extra in parts])
    x = windows.reshape(1, len(parts) * kernel[0], kernel[1], 1)
    type = f"i8[1,ROWS,COLUMNS,1]{{scale=f32({single(0.0437)!r}), zero_point=3}}"
    size = f"kernel=[{kernel[0]},{kernel[1]}] strides=[{kernel[0]},{kernel[1]}]"
    given = type.replace("ROWS", str(x.shape[1])).replace("COLUMNS", str(kernel[1]))
    result = type.replace("ROWS", str(len(parts))).replace("COLUMNS", "1")
    graph = graph_of(f"%x: {given} = input\n%y: {result} = average_pool2d(%x) {size}\n")
    scale, shift = pooling_scale(count)
    expected = [away(total * scale, shift) for total in totals]
    assert run(graph, "ethos-u", {"x": x})[0, :, 0, 0].tolist() == expected


def sums_of_pairs(left: Codes, right: Codes, scales: list[float]) -> Codes:
    """The simplified scaling where Vela takes it, else the advanced one."""
    larger, smaller = max(scales[:2]), min(scales[:2])
    output = 2 * larger / (scales[2] * (1 << 20))
    scale, shift = quantise_scale(output)
    if scales[0] == scales[1] and not scale & 0xFFF:
        _, shift = quantise_scale(2 * larger / (scales[2] * (1 << 16)))
        total = (left + right) << 15
        return np.array([away(int(t) * scale, shift) for t in total.ravel()]).reshape(left.shape)
    first = quantise_scale(smaller * (1 << 20) / (2 * larger))
    table = {code: tfl(code, *first) for code in range(-256, 256)}
    scaled = np.vectorize(table.__getitem__)
    if scales[0] < scales[1]:
        total = scaled(left) + (right << 19)
    else:
        total = (left << 19) + scaled(right)
    results = {int(t): tfl(int(t), scale, shift) for t in np.unique(total)}
    found: Codes = np.vectorize(results.__getitem__)(total)
    return found


@pytest.mark.parametrize("scales", [*TRIPLES, (0.5, 0.5, 0.75), (0.5, 0.5, 0.7)])
def test_every_sum(scales: tuple[float, float, float]) -> None:
    left, right = every_pair("i8")
    zeros = (3, -7, 5)
    held = [single(scale) for scale in scales]
    expected = clipped(sums_of_pairs(left - 3, right + 7, held) + 5, "i8")
    assert np.array_equal(run_pairs(pair("add", "i8", scales, zeros), "ethos-u", "i8"), expected)


def test_simplified_sums_are_among_them() -> None:
    scales = [scale for scale in TRIPLES if scale[0] == scale[1]]
    assert any(not quantise_scale(2 * a / (y * (1 << 20)))[0] & 0xFFF for a, _, y in scales)


@pytest.mark.parametrize("scales", [(0.5, 0.25, 0.5), (0.0437, 0.0219, 0.0011)])
def test_every_product(scales: tuple[float, float, float]) -> None:
    left, right = every_pair("i8")
    a, b, y = (np.float32(scale) for scale in scales)
    multiplier = quantise_scale(float(np.float32(a * b) / y))
    products = (left - 3) * (right + 7)
    table = {int(p): tfl(int(p), *multiplier) for p in np.unique(products)}
    expected = clipped(np.vectorize(table.__getitem__)(products) + 5, "i8")
    found = run_pairs(pair("multiply", "i8", scales, (3, -7, 5)), "ethos-u", "i8")
    assert np.array_equal(found, expected)


def test_tables_are_computed_in_double() -> None:
    """``convert_to_lut8``: the real function of every code, halves away from zero."""
    x_scale, y_scale = single(0.0437), single(0.0078)
    graph = graph_of(
        f"%x: i8[1,256]{{scale=f32({x_scale!r}), zero_point=3}} = input\n"
        f"%y: i8[1,256]{{scale=f32({y_scale!r}), zero_point=-5}} = unary(%x) function=tanh\n"
    )
    codes = np.arange(-128, 128).reshape(1, 256)
    reals = [math.tanh(x_scale * (code - 3)) / y_scale - 5 for code in range(-128, 128)]
    away_from_zero = [math.copysign(math.floor(abs(real) + 0.5), real) for real in reals]
    expected = clipped(np.array(away_from_zero).astype(np.int64), "i8")
    assert run(graph, "ethos-u", {"x": codes})[0].tolist() == expected.tolist()
