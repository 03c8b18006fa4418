# SPDX-License-Identifier: Apache-2.0
"""Runtimes that don't run here: their profiles against their instructions, written out one by one.

Each function below is what the runtime's source does with machine words, in plain integers, and
shares nothing with the profile's arithmetic.
"""

import struct
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.multipliers import quantize_multiplier
from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.derive import real_multiplier, scaling
from intaglio.simulator import vectorized

Codes = npt.NDArray[np.int64]

INT32 = IntType(32, signed=True)
EDGES = [INT32.minimum, INT32.minimum + 1, INT32.maximum - 1, INT32.maximum]


def bits_of(value: float) -> int:
    found: int = struct.unpack("<I", struct.pack("<f", value))[0]
    return found


def saturated(value: int, bits: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def sqdmulh(left: int, right: int) -> int:
    """Doubling multiply, high half, rounded down."""
    return saturated((2 * left * right) >> 32, 32)


def sqrdmulh(left: int, right: int) -> int:
    """Doubling multiply, high half, rounded half up."""
    return saturated((2 * left * right + (1 << 31)) >> 32, 32)


def srshl(value: int, right: int) -> int:
    """Shift right, rounded half up."""
    return (value + (1 << right >> 1)) >> right


def rndnu(accumulator: int, scale: float) -> int:
    """XNNPACK: shift left, multiply high, shift right by one bit or more, on AArch64."""
    bits = bits_of(scale)
    multiplier = ((bits & 0x7FFFFF) | 0x800000) << 7
    shift = 127 + 31 - 32 - (bits >> 23)
    post = max(shift, 1)
    return srshl(sqdmulh(saturated(accumulator << (post - shift), 32), multiplier), post)


def c_division(dividend: int, divisor: int) -> int:
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def cmsis_requantize(accumulator: int, multiplier: int, shift: int) -> int:
    """``arm_nn_requantize``: the low half of a 64-bit word gets 2**30, then two shifts."""
    left, right = max(shift, 0), max(-shift, 0)
    word = INT32.wrap(accumulator * (1 << left)) * multiplier + (1 << 30)
    dividend = INT32.wrap(word >> 31)
    mask = (1 << right) - 1
    remainder = mask & dividend
    result = dividend >> right
    threshold = mask >> 1
    if result < 0:
        threshold += 1
    return result + 1 if remainder > threshold else result


def cmsis_requantize_s64(accumulator: int, multiplier: int, shift: int) -> int:
    """``arm_nn_requantize_s64`` with the multiplier that REDUCE_MULTIPLIER leaves."""
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    return ((accumulator * reduced >> (14 - shift)) + 1) >> 1


def tosa_double(value: int, multiplier: int, shift: int) -> int:
    """``apply_scale_32`` with ``double_round``."""
    rounding = 1 << (shift - 1)
    if shift > 31:
        rounding += (1 << 30) if value >= 0 else -(1 << 30)
    return (value * multiplier + rounding) >> shift


def accumulators(ties_of: int, seed: int) -> list[int]:
    """Small values, ties of a shift, random ones, and the edges of 32 bits."""
    rng = np.random.default_rng(seed)
    ties = [(2 * k + 1) << ties_of >> 1 for k in range(-200, 200)]
    drawn = [int(x) for x in rng.integers(INT32.minimum, INT32.maximum, 1000)]
    near = [tie + off for tie in ties for off in (-1, 1)]
    return [*range(-300, 300), *ties, *near, *drawn, *EDGES]


SCALES = [2.0**-k for k in range(3, 13)] + [0.0123, 0.000931, 0.49999997, 0.0078125006, 0.003, 0.9]


@pytest.mark.parametrize("scale", SCALES)
def test_rndnu_is_what_neon_does(scale: float) -> None:
    """With a clamp to 16 bits behind: what saturates before lies far beyond."""
    rule = load_profile("litert-xnnpack-arm64").first(
        load_profile("litert-xnnpack-arm64").contraction,
        "conv2d",
        IntType(8, signed=False),
        IntType(8, signed=False),
    )
    factor = Float32.from_value(float(np.float32(scale)))
    chosen = scaling(rule.rescale.scheme, factor.fraction, INT32.interval)
    _, exponent = quantize_multiplier(scale)
    for x in accumulators(max(1 - exponent, 1), 1):
        assert saturated(chosen.apply(x), 16) == saturated(rndnu(x, scale), 16)


@pytest.mark.parametrize("scale", SCALES)
def test_cmsis_requantizes_8_bits(scale: float) -> None:
    profile, byte = load_profile("cmsis-nn"), IntType(8, signed=True)
    rule = profile.first(profile.contraction, "conv2d", byte, byte)
    real = Fraction(scale)
    multiplier, shift = quantize_multiplier(float(real))
    chosen = scaling(rule.rescale.scheme, real, INT32.interval)
    for x in accumulators(max(1 - shift, 1), 2):
        assert chosen.apply(x) == cmsis_requantize(x, multiplier, shift)


@pytest.mark.parametrize("scale", SCALES)
def test_cmsis_requantizes_16_bits(scale: float) -> None:
    profile, word = load_profile("cmsis-nn"), IntType(16, signed=True)
    rule = profile.first(profile.contraction, "conv2d", word, word, bias=IntType(64, True))
    multiplier, shift = quantize_multiplier(scale)
    chosen = scaling(rule.rescale.scheme, Fraction(scale), IntType(41, True).interval)
    for x in (y << k for y in accumulators(15 - shift, 3) for k in (0, 9)):
        assert saturated(chosen.apply(x), 32) == saturated(
            cmsis_requantize_s64(x, multiplier, shift), 32
        )


@pytest.mark.parametrize("scale", SCALES)
def test_tosa_rounds_twice(scale: float) -> None:
    profile, byte = load_profile("tosa-double"), IntType(8, signed=True)
    rule = profile.first(profile.contraction, "conv2d", byte, byte)
    multiplier, exponent = quantize_multiplier(scale)
    chosen = scaling(rule.rescale.scheme, Fraction(scale), INT32.interval)
    twice = 0
    for x in accumulators(max(1 - exponent, 1), 4):
        expected = tosa_double(x, multiplier, 31 - exponent)
        twice += expected != (x * multiplier + (1 << (30 - exponent))) >> (31 - exponent)
        assert chosen.apply(x) == expected
    assert twice or scale > 0.4, "no value tells one rounding from two"


@pytest.mark.parametrize(("bits", "shift"), [(5, 2), (8, 1), (9, 4)])
def test_powers_of_two_round_half_to_even(bits: int, shift: int) -> None:
    profile, byte = load_profile("pow2-half-even"), IntType(8, signed=True)
    rule = profile.first(profile.contraction, "conv2d", byte, byte)
    word = IntType(bits, signed=True)
    chosen = scaling(rule.rescale.scheme, Fraction(1, 1 << shift), word.interval)
    for x in range(word.minimum, word.maximum + 1):
        assert chosen.apply(x) == round(Fraction(x, 1 << shift))


PAIR = """
graph pair scaled
%a: WORD[1,65536]{scale=f32(LEFT), zero_point=ZA} = input
%b: WORD[1,65536]{scale=f32(RIGHT), zero_point=ZB} = input
%y: WORD[1,65536]{scale=f32(RESULT), zero_point=ZY} = OP(%a, %b)
return %y
"""
ZEROS = {"i8": (3, -7, 5), "u8": (131, 120, 117)}
TRIPLES = [
    (0.125, 0.0625, 0.25),
    (0.5, 0.5, 1.0),
    (0.0625, 2.0, 0.5),
    (0.0437, 0.0219, 0.0511),
    (0.9, 0.00011, 0.9),
]


def pair_graph(op: str, element: str, scales: tuple[float, float, float]) -> Graph:
    text = PAIR.replace("WORD", element).replace("OP", op)
    for name, value in zip(("LEFT", "RIGHT", "RESULT"), scales, strict=True):
        text = text.replace(name, repr(float(np.float32(value))))
    for name, zero in zip(("ZA", "ZB", "ZY"), ZEROS[element], strict=True):
        text = text.replace(name, str(zero))
    return parse_graph(text)


def every_pair(element: str) -> tuple[Codes, Codes]:
    word = IntType.parse(element)
    codes = np.arange(word.minimum, word.maximum + 1, dtype=np.int64)
    left, right = np.meshgrid(codes, codes)
    return left.reshape(1, -1), right.reshape(1, -1)


def run(graph: Graph, element: str, profile: str) -> Codes:
    left, right = every_pair(element)
    dtype = IntType.parse(element).dtype
    feeds = {"a": left.astype(dtype), "b": right.astype(dtype)}
    lowered = select_arithmetic(graph, load_profile(profile))
    return vectorized.run(lowered, feeds, None)[lowered.outputs[0]].astype(np.int64)


@pytest.mark.parametrize("scales", TRIPLES)
@pytest.mark.parametrize("element", ["i8", "u8"])
def test_every_sum_of_onnx_runtime_on_arm(element: str, scales: tuple[float, float, float]) -> None:
    """QLinearAdd: two products in 32 bits, minus one where negative, a shift half up, saturate."""
    left, right = every_pair(element)
    za, zb, zy = ZEROS[element]
    a, b, y = (np.float32(scale) for scale in scales)
    ratios = [np.float32(a / y), np.float32(b / y)]
    exponent = (bits_of(float(max(ratios))) >> 23) - 127
    shift = 21 - exponent
    power = np.float32(2.0**shift)
    first, second = (int(np.rint(ratio * power)) for ratio in ratios)
    total = (left - za) * first + (right - zb) * second
    assert np.array_equal(total, total.astype(np.int32))
    total = total - (total < 0)
    rounded = (total + (1 << (shift - 1))) >> shift
    word = IntType.parse(element)
    expected = np.clip(np.clip(rounded, -32768, 32767) + zy, word.minimum, word.maximum)
    assert np.array_equal(run(pair_graph("add", element, scales), element, "ort-arm64"), expected)


@pytest.mark.parametrize(
    "scales",
    [
        (256.0, 1.0, 1.0),
        (0.5, 2.0**-15, 1.0),
        (2.0**-11, 2.0**-12, 1.0),
        (1.9999999, 1.0, 1.0),
    ],
)
def test_sums_beyond_the_integers_of_onnx_runtime_are_refused(
    scales: tuple[float, float, float],
) -> None:
    with pytest.raises(UnsupportedModel, match="ratios from 2\\*\\*-14 to 2\\*\\*8"):
        select_arithmetic(pair_graph("add", "u8", scales), load_profile("ort-arm64"))


def test_the_last_ratios_within_are_taken() -> None:
    for scales in [(255.0, 1.0, 1.0), (0.5, 2.0**-14, 1.0), (2.0**-10, 2.0**-10, 1.0)]:
        select_arithmetic(pair_graph("add", "u8", scales), load_profile("ort-arm64"))


@pytest.mark.parametrize("scales", [(0.5, 0.25, 0.5), (0.0437, 0.0219, 0.0011), (0.5, 0.5, 0.25)])
@pytest.mark.parametrize("element", ["i8", "u8"])
def test_every_product_of_xnnpack_on_arm(element: str, scales: tuple[float, float, float]) -> None:
    left, right = every_pair(element)
    za, zb, zy = ZEROS[element]
    a, b, y = (np.float32(scale) for scale in scales)
    factor = float(np.float32(np.float32(a * b) / y))
    products = (left - za) * (right - zb)
    by_product = {int(p): rndnu(int(p), factor) for p in np.unique(products)}
    word = IntType.parse(element)
    scaled = np.vectorize(by_product.__getitem__)(products)
    expected = np.clip(scaled + zy, word.minimum, word.maximum)
    found = run(pair_graph("multiply", element, scales), element, "litert-xnnpack-arm64")
    assert np.array_equal(found, expected)
    x86 = run(pair_graph("multiply", element, scales), element, "litert-xnnpack-x86")
    assert np.array_equal(found, x86) == (scales[2] != 0.5)


def test_xnnpack_convolves_uint8_alone_by_integers_on_arm() -> None:
    profile = load_profile("litert-xnnpack-arm64")
    scales = (Float32.from_value(0.0437), Float32.from_value(0.011))
    kinds: dict[str, str] = {}
    for element in ("i8", "u8"):
        word = IntType.parse(element)
        rule = profile.first(profile.contraction, "depthwise_conv2d", word, word)
        real = real_multiplier(rule.rescale.product, scales[0], scales[1])
        kinds[element] = type(scaling(rule.rescale.scheme, real, INT32.interval)).__name__
    assert kinds == {"i8": "Float32Multiply", "u8": "MultiplyShift"}


@pytest.mark.parametrize("element", ["i8", "u8"])
def test_tosa_rescales_operands_of_a_sum_with_one_rounding(element: str) -> None:
    scales = (0.0437, 0.0219, 0.0511)
    lowered = select_arithmetic(pair_graph("add", element, scales), load_profile("tosa-double"))
    ((_, node),) = lowered.nodes_of(fixed.Pairwise)
    text = str(node.arithmetic)
    assert text.count("double_round=False") == 2
    assert text.count("double_round=True") == 1
    left, right = every_pair(element)
    za, zb, zy = ZEROS[element]
    a, b, y = (float(np.float32(scale)) for scale in scales)
    largest = 2 * max(a, b)
    parts = np.zeros(left.shape, np.int64)
    for codes, zero, scale in ((left, za, a), (right, zb, b)):
        multiplier, exponent = quantize_multiplier(scale / largest)
        shift = 31 - exponent
        one = {
            int(c): (((int(c) - zero) << 20) * multiplier + (1 << shift >> 1)) >> shift
            for c in np.unique(codes)
        }
        parts += np.vectorize(one.__getitem__)(codes)
    multiplier, exponent = quantize_multiplier(largest / (y * (1 << 20)))
    sums = {int(s): tosa_double(int(s), multiplier, 31 - exponent) for s in np.unique(parts)}
    word = IntType.parse(element)
    expected = np.clip(np.vectorize(sums.__getitem__)(parts) + zy, word.minimum, word.maximum)
    assert np.array_equal(run(pair_graph("add", element, scales), element, "tosa-double"), expected)
