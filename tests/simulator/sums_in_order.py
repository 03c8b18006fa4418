# SPDX-License-Identifier: Apache-2.0
"""Graphs of many sums whose terms have an order, for engines that compile each node."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

import numpy as np

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Conv2d, ConvTranspose2d, MatMul, Op, ReduceSum
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
from intaglio.numerics.rounding import Rounding

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
