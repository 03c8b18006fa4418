# SPDX-License-Identifier: Apache-2.0
"""Graphs of many sums whose terms have an order, for engines that compile each node."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

import numpy as np

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Conv2d, ConvTranspose2d, MatMul, Op, ReduceSum, Requantize
from intaglio.compiler.ir.graph import Array, Graph, Level
from intaglio.compiler.ir.infer import result_shape
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    Overflow,
    PartialSums,
    ProductTruncation,
    Reduction,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift

EACH, WRAP, ONCE = Overflow.SATURATE_EACH_ADD, Overflow.WRAP, Overflow.SATURATE
TREE, CHAIN = Reduction.TREE, Reduction.CHAIN
I8, U8, I32 = (IntType(bits, signed) for bits, signed in ((8, True), (8, False), (32, True)))


def signed(bits: int) -> IntType:
    return IntType(bits, signed=True)


def each(bits: int, order: AccumulationOrder = AccumulationOrder.BIAS_FIRST) -> Accumulator:
    return Accumulator(signed(bits), EACH, order)


def trees(sizes: Sequence[int]) -> list[Accumulator]:
    """Adder trees of every size, in registers of 11 bits, that often saturate."""
    return [
        Accumulator(signed(14), EACH, partial_sums=PartialSums(size, signed(11), EACH, TREE))
        for size in sizes
    ]


def mixed(count: int, seed: int) -> list[Accumulator]:
    """Accumulators of all widths; every rule, order, rounding and reduction comes up."""
    random = Random(seed)
    roundings = islice(cycle(Rounding), count)
    found: list[Accumulator] = []
    for number, rounding in enumerate(roundings):
        rules = [EACH, WRAP, ONCE]
        truncation = ProductTruncation(random.choice([1, 2, 3, 9, 40]), rounding)
        type = IntType(random.choice([3, 9, 12, 15, 17, 31, 33, 50]), random.random() < 0.9)
        registers = PartialSums(
            random.choice([0, 1, 2, 3, 5, 8, 100]),
            type,
            rules[number % 3],
            [TREE, CHAIN][number % 2],
        )
        found.append(
            Accumulator(
                signed(random.choice([2, 7, 12, 16, 20, 32, 40, 63])),
                random.choice(rules),
                random.choice(list(AccumulationOrder)),
                truncation if number % 4 else None,
                registers if number % 5 else None,
            )
        )
    return found


@dataclass
class Sums:
    """A graph that grows by sums of its inputs, all of which it yields."""

    builder: Builder
    random: np.random.Generator
    outputs: list[str]

    @staticmethod
    def start(seed: int = 5) -> "Sums":
        return Sums(Builder("sums", Level.FIXED), np.random.default_rng(seed), [])

    def codes(self, type: TensorType) -> Array:
        element = type.integer
        codes = self.random.integers(element.minimum, element.maximum, type.shape, endpoint=True)
        return codes.astype(element.dtype)

    def input(self, element: IntType, shape: tuple[int, ...]) -> str:
        return self.builder.input("x", TensorType(element, shape))

    def weights(self, element: IntType, shape: tuple[int, ...], axis: int = 0) -> str:
        """Weights of channels along an axis, which differ by channel in how large they are."""
        codes = self.codes(TensorType(element, shape)).astype(np.int64)
        channels = shape[axis]
        # The sums of some channels fit where those of others don't.
        shifts = np.arange(channels) % 4 * 2
        by_channel = shifts.reshape(
            [-1 if n == axis % len(shape) else 1 for n in range(len(shape))]
        )
        return self.constant(element, codes >> by_channel)

    def bias(self, channels: int, bits: int = 12) -> str:
        return self.constant(I32, self.codes(TensorType(signed(bits), (channels,))))

    def constant(self, element: IntType, array: Array) -> str:
        type = TensorType(element, array.shape)
        return self.builder.constant("c", type, array.astype(element.dtype))

    def add(
        self,
        op: Op,
        operands: Sequence[str],
        accumulator: Accumulator,
        declared: tuple[int, ...] = (),
    ) -> None:
        types = tuple(self.builder.type_of(operand) for operand in operands)
        type = TensorType(accumulator.type, result_shape(op, types, declared))
        self.outputs.append(self.builder.node("y", type, op, operands))

    def requantize(self, channels: int) -> None:
        """The last result as codes, by channel; the sums themselves are no result any more."""
        name = self.outputs.pop()
        multipliers = self.random.integers(1 << 30, 1 << 31, channels)
        found = tuple(
            Requantizer(MultiplyShift(int(m), 38, Rounding.HALF_TOWARD_POSITIVE), 3, -128, 127)
            for m in multipliers
        )
        type = TensorType(I8, self.builder.type_of(name).shape)
        self.outputs.append(self.builder.node("z", type, Requantize(found), [name]))

    def finish(self) -> tuple[Graph, dict[str, Array]]:
        graph = self.builder.finish(self.outputs)
        return graph, {given.name: self.codes(given.type) for given in graph.inputs}


def ops_in_turn(accumulators: Sequence[Accumulator]) -> tuple[Graph, dict[str, Array]]:
    """Each accumulator in one op, in turn: convolutions of all kinds, products, reductions."""
    sums = Sums.start()
    plane = sums.input(I8, (2, 4, 3, 4))
    rows, lines = sums.input(U8, (3, 17)), sums.input(signed(11), (2, 3, 5))
    matrix = sums.input(signed(5), (17, 3))
    for number, accumulator in enumerate(accumulators):
        match number % 6:
            case 0:
                weights = sums.weights(I8, (6, 3, 2, 2))
                op: Op = Conv2d(
                    accumulator, (2, 1), (1, 0, 1, 2), (1, 2), 2, -3, (1, 0, 2, 0, 3, 1), 7
                )
                sums.add(op, [plane, weights, sums.bias(6)], accumulator)
            case 1:
                weights = sums.weights(I8, (4, 2, 2, 1))
                op = Conv2d(accumulator, groups=4, input_zero_point=5)
                sums.add(op, [plane, weights, sums.bias(4)], accumulator)
            case 2:
                weights = sums.weights(signed(4), (4, 3, 2, 2))
                op = ConvTranspose2d(accumulator, (2, 3), (1, 0, 2, 1), (2, 1), 2, -100, (0,))
                sums.add(op, [plane, weights, sums.bias(4)], accumulator, (2, 8, 7, 4))
            case 3:
                weights = sums.weights(I8, (17, 5), -1)
                op = MatMul(accumulator, 129, (0, 1, -1, 2, 0))
                sums.add(op, [rows, weights, sums.bias(5)], accumulator)
            case 4:
                sums.add(MatMul(accumulator, 1, (2,)), [rows, matrix], accumulator)
            case _:
                op = ReduceSum(accumulator, (0, 2), False, 3)
                sums.add(op, [lines], accumulator)
    return sums.finish()


@dataclass(frozen=True)
class Layer:
    """A convolution; its defaults are the plainest one."""

    accumulator: Accumulator
    outputs: int = 16
    channels: int = 8
    kernel: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    x: IntType = U8
    zero: int = 0
    w: IntType = I8
    weight_zeros: tuple[int, ...] = (0,)
    pad_value: int = 0
    batch: int = 1
    bias: bool = True


def layers() -> list[Layer]:
    """Of every shape that vectors of channels treat in their own way."""
    sixteen = signed(16)
    tiled, truncated = PartialSums(7, signed(13), EACH), ProductTruncation(2, Rounding.HALF_EVEN)
    last, one = AccumulationOrder.BIAS_LAST, (1, 1)
    return [
        Layer(each(13)),
        Layer(each(12), 37, 5, (2, 3), (2, 1), (1, 0, 2, 1), (1, 2), pad_value=9, zero=3),
        Layer(each(14, last), 70, 33, one, x=I8, zero=-7, batch=3),
        Layer(each(16), 64, 64, one),
        Layer(each(18), 40, 20, pads=(1, 1, 1, 1), x=I8, zero=5, pad_value=-128),
        Layer(each(11), 5, 3, strides=(2, 2)),
        Layer(each(9), 1, 1, one, bias=False),
        Layer(each(10), 33, 1, one, w=U8, weight_zeros=tuple(range(100, 133))),
        Layer(each(11), 16, 16, groups=16, pads=(1, 1, 1, 1)),
        Layer(each(12), 37, 37, groups=37, strides=(2, 1), x=I8, zero=-3, dilations=(1, 2)),
        Layer(each(12), 9, 9, groups=9),
        Layer(each(13), 60, 12, groups=3, pads=(0, 1, 0, 1), zero=200, pad_value=1),
        Layer(each(15), 32, 16, groups=16),
        Layer(each(25), 18, 4, x=signed(12), zero=-5, w=signed(11)),
        Layer(each(22), 18, 4, x=signed(15), zero=99),
        Layer(each(14), 24, 6, (5, 5), w=signed(3), zero=1),
        Layer(Accumulator(sixteen, EACH, truncation=truncated), 21, 9),
        Layer(Accumulator(sixteen, WRAP, truncation=ProductTruncation(5)), 48, 4, x=I8),
        Layer(Accumulator(sixteen, ONCE, last, ProductTruncation(1, Rounding.CEIL)), 17, 5),
        Layer(Accumulator(sixteen, WRAP, partial_sums=tiled), 34, 11),
        Layer(Accumulator(signed(12), EACH, last, truncated, tiled), 17, 6, x=I8, zero=1),
        Layer(Accumulator(sixteen, ONCE, partial_sums=PartialSums(4, signed(12))), 40, 16, one),
        Layer(Accumulator(signed(13), EACH, partial_sums=PartialSums(3, signed(20))), 40, 8),
        Layer(Accumulator(sixteen, EACH, partial_sums=PartialSums(0, signed(14), ONCE)), 19, 7),
        Layer(
            Accumulator(sixteen, partial_sums=PartialSums(9, signed(11), EACH)), 20, 20, groups=20
        ),
        *(
            Layer(accumulator, 17 + number, 3 + number % 3, batch=2, zero=number)
            for number, accumulator in enumerate(trees([0, 1, 3, 6, 17, 100]))
        ),
        *(Layer(accumulator, 16, 3, zero=128, w=signed(6)) for accumulator in mixed(9, 3)),
    ]


def convolutions(given: Sequence[Layer]) -> tuple[Graph, dict[str, Array]]:
    """Each layer on planes of its own; the codes of its sums, or sums of more than 32 bits."""
    sums = Sums.start(8)
    for layer in given:
        x = sums.input(layer.x, (layer.batch, 6, 7, layer.channels))
        shape = (layer.outputs, *layer.kernel, layer.channels // layer.groups)
        operands = [x, sums.weights(layer.w, shape)]
        if layer.bias:
            operands.append(sums.bias(layer.outputs))
        op = Conv2d(
            layer.accumulator,
            layer.strides,
            layer.pads,
            layer.dilations,
            layer.groups,
            layer.zero,
            layer.weight_zeros,
            layer.pad_value,
        )
        sums.add(op, operands, layer.accumulator)
        if layer.accumulator.type.bits <= 32:
            sums.requantize(layer.outputs)
    return sums.finish()


def products() -> tuple[Graph, dict[str, Array]]:
    """Products with a constant matrix, of rows of many lengths."""
    sums = Sums.start(9)
    for rows, depth, outputs in ((1, 64, 10), (3, 7, 33), (9, 16, 64), (2, 1, 17), (5, 130, 5)):
        x = sums.input(I8, (rows, depth))
        for accumulator in (each(14), each(16), each(18), *mixed(4, depth)):
            weights = sums.weights(I8, (depth, outputs), -1)
            op = MatMul(accumulator, 3)
            sums.add(op, [x, weights, sums.bias(outputs)], accumulator)
    return sums.finish()
