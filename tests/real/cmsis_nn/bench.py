# SPDX-License-Identifier: Apache-2.0
"""A fixed graph being built for a case of CMSIS-NN."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.integers import IntType
from tests.real.cmsis_nn import layers
from tests.real.cmsis_nn.arithmetic import contraction
from tests.real.cmsis_nn.case import INPUTS, OUTPUTS, Array, Case
from tests.real.cmsis_nn.layers import I4, I8, I32, Plan

MULTIPLIERS, SHIFTS = ("output_mult", "output_multiplier"), ("output_shift",)
KINDS = {
    "fully": "fully_connected",
    "fc": "fully_connected",
    "transpose": "conv_transpose2d",
    "dw": "depthwise_conv2d",
    "depthwise": "depthwise_conv2d",
    "": "conv2d",
}
"""By what a case's name has in it; the first counts."""
WEIGHTS, BIASES = ("weights", "input_weights"), ("biases", "bias", "input_bias")


@dataclass(frozen=True, slots=True)
class Demand:
    """A graph, what goes in, and CMSIS-NN's output."""

    graph: Graph
    feeds: dict[str, Array]
    expected: Array


class Bench:
    """A graph being built for a case."""

    def __init__(self, case: Case) -> None:
        """An empty graph."""
        self.case, self.numbers = case, case.numbers
        self.builder = Builder(case.name, Level.FIXED)
        self.feeds: dict[str, Array] = {}

    def input(self, shape: tuple[int, ...], names: tuple[str, ...] = INPUTS) -> str:
        """A graph input of int8 or int16, fed with the case's array."""
        array = self.case.array(names, int(np.prod(shape))).reshape(shape)
        element = IntType(8 * array.itemsize, signed=True)
        name = self.builder.input(names[0], TensorType(element, shape))
        self.feeds[name] = array
        return name

    def of(self, *names: str) -> int:
        """The first of the numbers that the header has."""
        return next(self.numbers[name] for name in names if name in self.numbers)

    def plan(self, channels: int) -> Plan:
        """How the case requantizes: one multiplier in the header, or an array."""
        operand = IntType(8 * self.case.array(INPUTS).itemsize, signed=True)
        narrow = operand == I8 or "xint32" in self.case.name
        bias = I32 if narrow else IntType(64, signed=True)
        kind = next(kind for stem, kind in KINDS.items() if stem in self.case.name)
        rule = contraction(kind, operand, bias)
        if "OUTPUT_MULTIPLIER" in self.numbers:
            multipliers, shifts = [self.of("OUTPUT_MULTIPLIER")], [self.of("OUTPUT_SHIFT")]
        else:
            multipliers = self.case.array(MULTIPLIERS, channels).tolist()
            shifts = self.case.array(SHIFTS, channels).tolist()
        bounds = self.of("OUT_ACTIVATION_MIN"), self.of("OUT_ACTIVATION_MAX")
        zero_point = self.of("OUTPUT_OFFSET")
        return Plan(rule, multipliers, shifts, zero_point, *bounds)

    def weights(self, shape: tuple[int, ...]) -> tuple[Array, int]:
        """The weights, and the bits of each."""
        size = int(np.prod(shape))
        if "int4" not in self.case.name:
            return self.case.array(WEIGHTS, size).reshape(shape), I8.bits
        packed = self.case.array(WEIGHTS, (size + 1) // 2)
        return layers.int4(packed, size).reshape(shape), I4.bits

    def finish(self, result: str) -> Demand:
        """The graph that yields a value, and what the value has to be."""
        shape = self.builder.type_of(result).shape
        expected = self.case.array(OUTPUTS, int(np.prod(shape))).reshape(shape)
        return Demand(self.builder.finish([result]), self.feeds, expected)
