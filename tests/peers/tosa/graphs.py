# SPDX-License-Identifier: Apache-2.0
"""TOSA's integer operators as graphs of the fixed level, for the numbers that a test carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Array, Graph, Level
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.schemes import Rescale, TosaScheme
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift, TosaScale

PROFILES = {"SINGLE_ROUND": "tosa-single", "DOUBLE_ROUND": "tosa-double"}
"""The profile of each rounding mode that the specification leaves no freedom."""
TYPES = {f"INT{bits}": IntType(bits, signed=True) for bits in (4, 8, 16, 32, 48, 64)}


@dataclass(frozen=True, slots=True)
class Case:
    """One test: the operator, its operands as arrays, the reference model's result."""

    name: str
    op: str
    attributes: Mapping[str, Any]
    types: tuple[IntType, ...]
    operands: tuple[Array, ...]
    constant: tuple[bool, ...]
    result_type: IntType
    result: Array


@dataclass
class _Construction:
    case: Case
    builder: Builder

    def value(self, index: int, element: IntType | None = None) -> str:
        """An operand as an input, or as a constant where the test has it so."""
        array = self.case.operands[index]
        type = TensorType(element or self.case.types[index], array.shape)
        if self.case.constant[index]:
            return self.builder.constant(f"operand{index}", type, array)
        return self.builder.input(f"operand{index}", type)

    def numbers(self, index: int) -> list[int]:
        """A constant operand's elements."""
        assert self.case.constant[index]
        return [int(each) for each in self.case.operands[index].ravel()]

    def node(self, op: fixed.Op, operands: Sequence[str], element: IntType) -> str:
        """A node of the result's shape."""
        return self.builder.node("y", TensorType(element, self.case.result.shape), op, operands)


def graph_of(case: Case) -> Graph:
    """The graph that has to give the reference model's result."""
    if case.op == "AVG_POOL2D":
        return _average_pool(case)
    construction = _Construction(case, Builder(case.op.lower(), Level.FIXED, "tosa"))
    make = {
        "ADD": _add,
        "CONV2D": _convolution,
        "DEPTHWISE_CONV2D": _depthwise,
        "MATMUL": _matrix_product,
        "MUL": _multiply,
        "RESCALE": _rescale,
        "TABLE": _table,
    }[case.op]
    return construction.builder.finish([make(construction)])


def _average_pool(case: Case) -> Graph:
    """By the profile; TOSA's operator has no scales, so operand and result share one."""
    (zero_in,), (zero_out,) = (case.operands[index].tolist() for index in (1, 2))
    builder = Builder("average_pool2d", Level.SCALED)
    given, wanted = (Quantization((Float32.from_value(1.0),), (z,)) for z in (zero_in, zero_out))
    x = builder.input("operand0", TensorType(case.types[0], case.operands[0].shape, given))
    rows, columns = case.attributes["kernel"]
    down, right_by = case.attributes["stride"]
    op = scaled.AveragePool2d((rows, columns), (down, right_by), _pads(case))
    result = TensorType(case.result_type, case.result.shape, wanted)
    return select_arithmetic(
        builder.finish([builder.node("y", result, op, [x])]), load_profile("tosa-single")
    )


def _pads(case: Case) -> tuple[int, int, int, int]:
    top, bottom, left, right = case.attributes["pad"]
    return top, left, bottom, right


def _unsigned(element: IntType, unsigned: bool) -> IntType:
    return IntType(element.bits, signed=not unsigned)


def _rescale(made: _Construction) -> str:
    """Y = clip(apply_scale(x - x_zp, multiplier[c], shift[c]) + y_zp), signless types reread."""
    case = made.case
    source = _unsigned(case.types[0], case.attributes["inputunsigned"])
    target = _unsigned(case.result_type, case.attributes["outputunsigned"])
    double_round = _double_round(PROFILES[case.attributes["roundingmode"]])
    multipliers, shifts = made.numbers(1), made.numbers(2)
    (zero_in,) = np.array(made.numbers(3)).astype(source.dtype).tolist()
    (zero_out,) = np.array(made.numbers(4)).astype(target.dtype).tolist()
    x = made.value(0, source)
    if zero_in:
        zero = TensorType(Interval(zero_in, zero_in).smallest_type(), ())
        exact = (source.interval - Interval(zero_in, zero_in)).smallest_type()
        constant = made.builder.constant("zero", zero, np.array(zero_in))
        x = made.node(fixed.Subtract(), [x, constant], exact)
    requantizers = tuple(
        Requantizer(
            TosaScale(multiplier, shift, double_round), zero_out, target.minimum, target.maximum
        )
        for multiplier, shift in zip(multipliers, shifts, strict=True)
    )
    return made.node(fixed.Requantize(requantizers), [x], target)


def _double_round(name: str) -> bool:
    """What the profile says of an 8-bit code in another scale."""
    profile, byte = load_profile(name), IntType(8, signed=True)
    method = profile.first(profile.rescale, "requantize", byte, byte).method
    assert isinstance(method, Rescale)
    assert isinstance(method.scheme, TosaScheme)
    return method.scheme.double_round


def _convolution(made: _Construction) -> str:
    return _plane(made, made.value(1), groups=1)


def _depthwise(made: _Construction) -> str:
    """Weights ``[kh, kw, C, M]``: output channel c * M + m reads input channel c."""
    weights = made.case.operands[1]
    rows, columns, channels, times = weights.shape
    array = np.moveaxis(weights.reshape(rows, columns, channels * times), -1, 0)[..., None]
    type = TensorType(made.case.types[1], array.shape)
    return _plane(made, made.builder.constant("weights", type, array), groups=channels)


def _plane(made: _Construction, weights: str, groups: int) -> str:
    case = made.case
    (zero_x,), (zero_w,) = made.numbers(3), made.numbers(4)
    outputs = case.result.shape[-1]
    bias = np.broadcast_to(case.operands[2], (outputs,))
    accumulator = Accumulator(case.result_type)
    op = fixed.Conv2d(
        accumulator,
        tuple(case.attributes["stride"]),
        _pads(case),
        tuple(case.attributes["dilation"]),
        groups,
        zero_x,
        (zero_w,),
        pad_value=zero_x,
    )
    stored = made.builder.constant("bias", TensorType(case.types[2], bias.shape), bias)
    return made.node(op, [made.value(0), weights, stored], case.result_type)


def _matrix_product(made: _Construction) -> str:
    (zero_a,), (zero_b,) = made.numbers(2), made.numbers(3)
    op = fixed.MatMul(Accumulator(made.case.result_type), zero_a, (zero_b,))
    return made.node(op, [made.value(0), made.value(1)], made.case.result_type)


def _multiply(made: _Construction) -> str:
    """(a * b + half) >> shift, in 32 bits; only 32-bit operands may have a shift."""
    case, target = made.case, made.case.result_type
    left, right = case.types[:2]
    product = (left.interval * right.interval).smallest_type()
    x = made.node(fixed.Multiply(), [made.value(0), made.value(1)], product)
    (shift,) = made.numbers(2)
    half_up = MultiplyShift(1, shift, Rounding.HALF_TOWARD_POSITIVE)
    requantizer = Requantizer(half_up, 0, target.minimum, target.maximum)
    return made.node(fixed.Requantize((requantizer,)), [x], target)


def _add(made: _Construction) -> str:
    left, right = made.case.types[:2]
    exact = (left.interval + right.interval).smallest_type()
    x = made.node(fixed.Add(), [made.value(0), made.value(1)], exact)
    return made.node(fixed.Cast(Overflow.WRAP), [x], made.case.result_type)


def _table(made: _Construction) -> str:
    """int8: 256 entries; int16: 513 entries of which neighbours are interpolated to 7 more bits."""
    case = made.case
    entries = made.numbers(1)
    if case.types[0].bits == 16:
        codes = range(case.types[0].minimum, case.types[0].maximum + 1)
        entries = [_interpolated(entries, code) for code in codes]
    type = TensorType(case.result_type, (len(entries),))
    table = made.builder.constant("table", type, np.array(entries))
    return made.node(fixed.Lookup(), [made.value(0), table], case.result_type)


def _interpolated(entries: Sequence[int], code: int) -> int:
    """TOSA 1.0, ``apply_lookup_s``."""
    index, fraction = (code >> 7) + 256, code & 0x7F
    base, following = entries[index], entries[index + 1]
    return (base << 7) + (following - base) * fraction
