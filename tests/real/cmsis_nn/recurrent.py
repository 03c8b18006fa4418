# SPDX-License-Identifier: Apache-2.0
"""Layers of CMSIS-NN that keep state, step after step in one graph.

LSTM, for each gate g (input i, forget f, cell c, output o), R an int32 requantizer:
``a_g = sat16(R(W_g (x - z_x) + b_g))``, from the second step on
``a_g = sat16(a_g + R(U_g (h - z_h)))``; sigmoid, or tanh for the cell gate, from Q3.12 to Q0.15;
``c = sat16(R(f c))``, ``c = clip(sat16(c + R(i g)))``, ``h = sat8(R(o tanh(c)) + z_h)``.

SVDF: the state of each feature moves along by one, and its newest is ``clamp(R(W (x - z_x)))``;
``y = clamp(R(b + Σ over rank and time of state * weights) + z_y)``.
"""

from functools import cache, partial

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics import interpolation
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.schemes import Scheme
from intaglio.numerics.requantizers import Requantizer
from tests.real.cmsis_nn.arithmetic import contraction, product, saturates_operands, scaling_of
from tests.real.cmsis_nn.bench import Bench, Demand
from tests.real.cmsis_nn.case import Case
from tests.real.cmsis_nn.layers import I8, I16, I32, constant

SUM = IntType(33, signed=True)
ADDED = I16 if saturates_operands(I16) else I32
DENSE, CONVOLVED = (
    contraction(f"recurrent_{op}", I8, I32).rescale.scheme for op in ("fully_connected", "conv2d")
)


def lstm(case: Case) -> Demand:
    """UNIDIRECTIONAL_SEQUENCE_LSTM from an empty state."""
    bench = Bench(case)
    batches, steps = bench.of("BATCH_SIZE"), bench.of("TIME_STEPS")
    axis = 0 if bench.of("TIME_MAJOR") else 1
    leading = (steps, batches) if axis == 0 else (batches, steps)
    x = bench.input((*leading, bench.of("INPUT_SIZE")))
    cells = _Cells(bench)
    hidden = [cells.step(_step_of(bench.builder, x, axis, at)) for at in range(steps)]
    result = TensorType(I8, (*leading, bench.of("HIDDEN_SIZE")))
    one = tuple(1 if at == axis else extent for at, extent in enumerate(result.shape))
    parts = [
        bench.builder.node("h", result.with_shape(one), fixed.Reshape(), [each]) for each in hidden
    ]
    return bench.finish(bench.builder.node("codes", result, fixed.Concat(axis), parts))


def _step_of(builder: Builder, x: str, axis: int, at: int) -> str:
    declared = builder.type_of(x)
    one = tuple(1 if place == axis else extent for place, extent in enumerate(declared.shape))
    starts = tuple(at if place == axis else 0 for place in range(3))
    part = builder.node("x", declared.with_shape(one), fixed.Slice(starts, (1, 1, 1)), [x])
    flat = declared.with_shape((declared.shape[1 - axis], declared.shape[2]))
    return builder.node("x", flat, fixed.Reshape(), [part])


class _Cells:
    """The state: the cells and, from the second step on, the last output."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.builder = bench, bench.builder
        self.shape = bench.of("BATCH_SIZE"), bench.of("HIDDEN_SIZE")
        self.cell = constant(self.builder, "cell", np.zeros(self.shape, np.int16), I16.bits)
        self.hidden: str | None = None
        scale = bench.of("CELL_SCALE_POWER") + 12
        self.sigmoid = self._table("sigmoid", _sigmoids())
        self.tanh = self._table("tanh", _tanhs(0))
        self.cell_tanh = self._table("cell_tanh", _tanhs(scale))

    def step(self, x: str) -> str:
        """The output of one step."""
        forget, entered = (
            self._gate(x, "forget", self.sigmoid),
            self._gate(x, "input", self.sigmoid),
        )
        offered, shown = self._gate(x, "cell", self.tanh), self._gate(x, "output", self.sigmoid)
        kept = self._product(forget, self.cell, "FORGET_TO_CELL", I16)
        added = self._product(entered, offered, "INPUT_TO_CELL", I32)
        total = self._saturated(kept, added)
        clip = self.bench.of("CELL_CLIP")
        self.cell = self._node(I16, fixed.Clamp((-clip,), (clip,)), [total])
        active = self._node(I16, fixed.Lookup(), [self.cell, self.cell_tanh])
        zero_point = self.bench.of("OUTPUT_ZERO_POINT")
        self.hidden = self._product(shown, active, "OUTPUT", I8, zero_point)
        return self.hidden

    def _gate(self, x: str, gate: str, table: str) -> str:
        summed = self._product_with(x, gate, "input", -self.bench.of("INPUT_ZERO_POINT"), I16)
        if self.hidden is not None:
            zero_point = self.bench.of("OUTPUT_ZERO_POINT")
            recurrent = self._product_with(self.hidden, gate, "hidden", zero_point, ADDED)
            summed = self._saturated(summed, recurrent)
        return self._node(I16, fixed.Lookup(), [summed, table])

    def _product_with(self, x: str, gate: str, kind: str, zero_point: int, result: IntType) -> str:
        depth = self.builder.type_of(x).shape[1]
        stem = f"{gate}_gate_{kind}"
        weights = self.bench.case.array((f"{stem}_weights",), depth * self.shape[1])
        matrix = weights.reshape(self.shape[1], depth).T
        operands = [x, constant(self.builder, f"{stem}_weights", matrix, I8.bits)]
        if kind == "input":
            bias = self.bench.case.array((f"{gate}_gate_bias",), self.shape[1])
            operands.append(constant(self.builder, f"{gate}_bias", bias, I32.bits))
        sums = self._node(I32, fixed.MatMul(Accumulator(I32), zero_point), operands)
        return self._requantized(sums, DENSE, stem.upper(), result)

    def _product(self, left: str, right: str, stem: str, result: IntType, zero: int = 0) -> str:
        exact = self._node(I32, fixed.Multiply(), [left, right])
        scheme = product("recurrent_multiply", I16, result)
        return self._requantized(exact, scheme, stem, result, zero)

    def _requantized(
        self, x: str, scheme: Scheme, stem: str, result: IntType, zero_point: int = 0
    ) -> str:
        multiplier, shift = (self.bench.of(f"{stem}_{part}") for part in ("MULTIPLIER", "SHIFT"))
        scaling = scaling_of(scheme, multiplier, shift)
        requantizer = Requantizer(scaling, zero_point, result.minimum, result.maximum)
        return self._node(result, fixed.Requantize((requantizer,)), [x])

    def _saturated(self, left: str, right: str) -> str:
        total = self._node(SUM, fixed.Add(), [left, right])
        return self._node(I16, fixed.Cast(Overflow.SATURATE), [total])

    def _node(self, element: IntType, op: fixed.Op, operands: list[str]) -> str:
        return self.builder.node("value", TensorType(element, self.shape), op, operands)

    def _table(self, name: str, values: tuple[int, ...]) -> str:
        return constant(self.builder, name, np.array(values), I16.bits)


@cache
def _sigmoids() -> tuple[int, ...]:
    codes = range(I16.minimum, I16.maximum + 1)
    return tuple(map(partial(interpolation.sigmoid, multiplier=3, shift=0), codes))


@cache
def _tanhs(scale: int) -> tuple[int, ...]:
    """``scale`` is the power of two by which a code is above Q3.12's."""
    codes = range(I16.minimum, I16.maximum + 1)
    multiplier, shift = 3 << max(scale, 0), max(-scale, 0)
    return tuple(map(partial(interpolation.tanh, multiplier=multiplier, shift=shift), codes))


def svdf(case: Case) -> Demand:
    """SVDF over a sequence; the last step's output counts."""
    bench = Bench(case)
    builder, batches, rank = bench.builder, bench.of("INPUT_BATCHES"), bench.of("RANK")
    features, times = bench.of("FEATURE_BATCHES"), bench.of("TIME_BATCHES")
    depth, units = bench.of("INPUT_SIZE"), features // rank
    sequence = case.array(("input_sequence",))
    steps = sequence.size // (batches * depth)
    x = bench.input((steps, batches, depth), ("input_sequence",))
    held = case.array(("state",), batches * features * times)
    kept = TensorType(IntType(8 * held.itemsize, signed=True), (batches, features, times))
    state = constant(builder, "state", held.reshape(kept.shape), kept.integer.bits)
    weights = case.array(("weights_feature",)).reshape(features, depth).T
    matrix = constant(builder, "weights_feature", weights, I8.bits)
    for at in range(steps):
        state = _moved(bench, state, _step_of(builder, x, 0, at), matrix)
    weights = case.array(("weights_time",)).reshape(features, times)
    by_time = constant(builder, "weights_time", weights, kept.integer.bits)
    product = TensorType(I32, kept.shape)
    products = builder.node("products", product, fixed.Multiply(), [state, by_time])
    rows = product.with_shape((batches, units, rank * times))
    products = builder.node("products", rows, fixed.Reshape(), [products])
    reduction = fixed.ReduceSum(Accumulator(I32), (2,), keep_dimensions=False)
    sums = builder.node("sums", TensorType(I32, (batches, units)), reduction, [products])
    bias = constant(builder, "bias", case.array(("biases",), units), I32.bits)
    total = builder.node("total", TensorType(SUM, (batches, units)), fixed.Add(), [sums, bias])
    scaling = scaling_of(CONVOLVED, bench.of("MULTIPLIER_OUT"), bench.of("SHIFT_2"))
    bounds = bench.of("OUT_ACTIVATION_MIN"), bench.of("OUT_ACTIVATION_MAX")
    op = fixed.Requantize((Requantizer(scaling, bench.of("OUTPUT_OFFSET"), *bounds),))
    return bench.finish(builder.node("codes", TensorType(I8, (batches, units)), op, [total]))


def _moved(bench: Bench, state: str, x: str, matrix: str) -> str:
    """The state with the features of x at its end."""
    builder, declared = bench.builder, bench.builder.type_of(state)
    batches, features, times = declared.shape
    op = fixed.MatMul(Accumulator(I32), left_zero_point=-bench.of("INPUT_OFFSET"))
    sums = builder.node("features", TensorType(I32, (batches, features)), op, [x, matrix])
    scaling = scaling_of(CONVOLVED, bench.of("MULTIPLIER_IN"), bench.of("SHIFT_1"))
    bounds = bench.of("IN_ACTIVATION_MIN"), bench.of("IN_ACTIVATION_MAX")
    requantize = fixed.Requantize((Requantizer(scaling, 0, *bounds),))
    codes = builder.node("newest", declared.with_shape((batches, features)), requantize, [sums])
    column = declared.with_shape((batches, features, 1))
    newest = builder.node("newest", column, fixed.Reshape(), [codes])
    older = declared.with_shape((batches, features, times - 1))
    rest = builder.node("rest", older, fixed.Slice((0, 0, 1), (1, 1, 1)), [state])
    return builder.node("state", declared, fixed.Concat(2), [rest, newest])
