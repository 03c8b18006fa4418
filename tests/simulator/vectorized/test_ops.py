# SPDX-License-Identifier: Apache-2.0
"""Ops on values that random graphs are too small or too narrow to reach."""

import numpy as np
import pytest

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import (
    Add,
    Float32TableSoftmax,
    MatMul,
    Pairwise,
    Requantize,
    Softmax,
    SoftmaxNormalization,
)
from intaglio.compiler.ir.graph import Array, Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import InvalidData
from intaglio.numerics import Float32, IntType, MultiplyShift, Requantizer, Rounding
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.pairs import FusedMultiplyAddSum
from intaglio.simulator.vectorized import float_tail, run
from tests.simulator.engines import assert_engines_agree
from tests.simulator.text_cases import fixed_graph, outcome

I64 = IntType(64, signed=True)


def matmul(a: Array, b: Array, op: MatMul, types: tuple[IntType, IntType], fixed: bool) -> Graph:
    builder = Builder("matmul", Level.FIXED)
    left = builder.input("a", TensorType(types[0], a.shape))
    type = TensorType(types[1], b.shape)
    right = builder.constant("b", type, b) if fixed else builder.input("b", type)
    shape = TensorType(op.accumulator.type, (*a.shape[:-1], b.shape[-1]))
    return builder.finish([builder.node("y", shape, op, [left, right])])


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("overflow", [Overflow.WRAP, Overflow.SATURATE])
@pytest.mark.parametrize("bits", [8, 12, 13, 22, 27, 31, 32, 40, 63])
def test_products_of_every_width(bits: int, overflow: Overflow, fixed: bool) -> None:
    """With 8 terms the bounds cross 2**24, 2**53 and 2**63 among these widths."""
    rng = np.random.default_rng(bits)
    type = IntType(bits, signed=True)
    a, b = (rng.integers(type.minimum, type.maximum, (8, 8), endpoint=True) for _ in range(2))
    a[0], b[:, 0], a[1], b[:, 1] = type.minimum, type.minimum, type.maximum, type.maximum
    op = MatMul(Accumulator(I64, overflow), 1, (-1,))
    graph = matmul(a, b, op, (type, type), fixed)
    inputs: dict[str, Array] = {"a": a} if fixed else {"a": a, "b": b}
    exact = (a.astype(object) - 1) @ (b.astype(object) + 1)
    wanted = I64.wrap_array(exact) if overflow is Overflow.WRAP else I64.saturate_array(exact)
    np.testing.assert_array_equal(run(graph, inputs)["y"], wanted)


def test_a_computed_product_may_saturate_before_the_bias_comes() -> None:
    accumulator = "accumulator(type=i8, overflow=saturate-each-add, order=bias-last)"
    found = outcome(
        f"""
        %a: i8[1,3] = input
        %b: i8[3,1] = input
        %k: i8[1] = input
        %a1: i8[1,3] = clamp(%a) low=[1] high=[1]
        %b1: i8[3,1] = clamp(%b) low=[-60] high=[-60]
        %k1: i8[1] = clamp(%k) low=[100] high=[100]
        %y: i8[1,1] = mat_mul(%a1, %b1, %k1) accumulator={accumulator}
        """,
        a=[[1, 1, 1]],
        b=[[0], [0], [0]],
        k=[0],
    )
    assert found == [[-28]]


def test_tall_products_run_in_blocks() -> None:
    rng = np.random.default_rng(2)
    type = IntType(8, signed=True)
    a, b = rng.integers(-128, 128, (3000, 300)), rng.integers(-128, 128, (300, 7))
    graph = matmul(a, b, MatMul(Accumulator(IntType(32, signed=True))), (type, type), True)
    np.testing.assert_array_equal(run(graph, {"a": a})["y"], a @ b)


@pytest.mark.parametrize("bits", [8, 12])
def test_large_planes_of_pairs_by_table_and_without(bits: int) -> None:
    rng = np.random.default_rng(4)
    type = TensorType(IntType(bits, signed=True), (200, 300))
    pair = FusedMultiplyAddSum(
        Float32.from_value(0.5), Float32.from_value(0.25), Float32.from_value(0.5), -128, 127
    )
    builder = Builder("pairs", Level.FIXED)
    operands = [builder.input(name, type) for name in ("a", "b")]
    result = TensorType(IntType(8, signed=True), type.shape)
    graph = builder.finish([builder.node("y", result, Pairwise(pair), operands)])
    low, high = type.integer.minimum, type.integer.maximum
    a, b = (rng.integers(low, high, type.shape, endpoint=True) for _ in range(2))
    # Sums are multiples of a quarter: exact in float64, so rint rounds them as float32 would.
    expected = np.clip(np.rint(a * 0.5 + b * 0.25 + 0.5), -128, 127)
    np.testing.assert_array_equal(run(graph, {"a": a, "b": b})["y"], expected)


def test_unsigned_64_bit_values_pass_a_requantizer() -> None:
    builder = Builder("wide", Level.FIXED)
    x = builder.input("x", TensorType(IntType(64, signed=False), (3,)))
    requantizer = Requantizer(MultiplyShift(1, 60, Rounding.FLOOR), 0, 0, 15)
    y = TensorType(IntType(4, signed=False), (3,))
    graph = builder.finish([builder.node("y", y, Requantize((requantizer,)), [x])])
    for codes in ([0, 1 << 60, 7 << 60], [0, (1 << 64) - 1, 9 << 60]):
        array = np.array(codes, dtype=np.uint64)
        assert run(graph, {"x": array})["y"].tolist() == [code >> 60 for code in codes]


def test_a_result_outside_its_type_is_refused_not_wrapped() -> None:
    graph = Builder("narrow", Level.FIXED)
    x = graph.input("x", TensorType(IntType(8, signed=False), (1,)))
    doubled = graph.node("y", TensorType(IntType(8, signed=False), (1,)), Add(), [x, x])
    narrow = graph.finish([doubled])
    assert run(narrow, {"x": np.array([127])})["y"].tolist() == [254]
    with pytest.raises(InvalidData, match=r"value y: found the result 256, expected 0\.\.255"):
        run(narrow, {"x": np.array([128])})


def test_the_float32_sum_of_a_softmax_runs_from_left_to_right() -> None:
    x = np.random.default_rng(9).integers(0, 256, (40, 100)).astype(np.uint8)
    table = np.exp(-np.arange(256) / 40).astype(np.float32)
    terms = table[x.max(axis=1, keepdims=True).astype(int) - x]
    assert (np.add.accumulate(terms, axis=1)[:, -1] != terms.sum(axis=1)).any()
    algorithm = Float32TableSoftmax(
        table=tuple(Float32.from_value(float(entry)) for entry in table),
        factor=Float32.from_value(2.0**30),
        normalization=SoftmaxNormalization.SCALED_NUMERATOR,
        rounding=Rounding.HALF_EVEN,
        zero_point=0,
        low=0,
        high=(1 << 31) - 1,
    )
    builder = Builder("softmax", Level.FIXED)
    operand = builder.input("x", TensorType(IntType(8, signed=False), x.shape))
    y = TensorType(IntType(32, signed=True), x.shape)
    graph = builder.finish([builder.node("y", y, Softmax(algorithm, 1), [operand])])
    assert_engines_agree(graph, {"x": x})


SOFTMAX = """
%x: f32[{rows},{length}] = input
%y: f32[{rows},{length}] = float32_softmax(%x) axis=1
"""


def test_softmax_near_and_far() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (12, 9)) * np.logspace(-6, 3, 12)[:, np.newaxis]
    x[3], x[4, 0], x[5, 1], x[6, 2] = 1.5, 3e38, -3e38, 104
    graph = fixed_graph(SOFTMAX.format(rows=12, length=9))
    assert_engines_agree(graph, {"x": x.astype(np.float32)})


def test_softmax_decides_by_enclosures_where_float64_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(0, 3, (20, 10)).astype(np.float32)
    expected = float_tail.softmax(x)
    asked: list[int] = []
    share = float_tail.enclosed_share

    def counted(line: list[float], index: int) -> float:
        asked.append(index)
        result: float = share(line, index)
        return result

    monkeypatch.setattr(float_tail, "enclosed_share", counted)
    monkeypatch.setattr(float_tail, "UNIT", 2.0**-24)
    np.testing.assert_array_equal(float_tail.softmax(x), expected)
    assert len(asked) == x.size
