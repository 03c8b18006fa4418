# SPDX-License-Identifier: Apache-2.0
"""Graphs of many small layers side by side, each with an input and an output of its own."""

from collections.abc import Mapping, Sequence

import numpy as np

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Cast, Clamp, Conv2d, MatMul, Requantize
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.infer import result_shape
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift, Scaling
from tests.simulator.compiled.test_vector_shapes import Shape

I32, I8, U8 = IntType(32, signed=True), IntType(8, signed=True), IntType(8, signed=False)
NEON_TARGETS = ("aarch64", "aarch64+dotprod", "aarch64+dotprod+i8mm")


def _factors(count: int, least: int, most: int, seed: int = 4) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    multipliers = rng.integers(1 << 30, 1 << 31, count)
    shifts = rng.integers(least, most, count, endpoint=True)
    return [(int(m), int(s)) for m, s in zip(multipliers, shifts, strict=True)]


def _single(m: int, s: int) -> Scaling:
    return MultiplyShift(m, s, Rounding.HALF_TOWARD_POSITIVE)


def _double(ties: Rounding, m: int, s: int) -> Scaling:
    return DoubleRounding(m, 31 - s, ties)


AWAY, UP = Rounding.HALF_AWAY_FROM_ZERO, Rounding.HALF_TOWARD_POSITIVE


def requantizers(kind: str, channels: int) -> tuple[Requantizer, ...]:
    """Requantizers of one kind, for sums of some tens of thousands."""

    def made(
        scalings: Sequence[Scaling], zero: int = 3, low: int = -128, high: int = 127
    ) -> tuple[Requantizer, ...]:
        return tuple(Requantizer(scaling, zero, low, high) for scaling in scalings)

    near, far = _factors(channels, 38, 40), _factors(channels, 34, 42)
    match kind:
        case "single":
            return made([_single(m, s) for m, s in near])
        case "rectified":
            return made([_single(m, s) for m, s in near], zero=-128)
        case "centred":
            return made([_single(m, s) for m, s in near], zero=0, low=-127)
        case "tight":
            return made([_single(m, s) for m, s in far], zero=-7, low=-7, high=50)
        case "far":
            # Channels that are as good as 0 beside others: no shift serves all.
            dead = [(m, 62 if n % 3 == 1 else s) for n, (m, s) in enumerate(far)]
            return made([_single(m, s) for m, s in dead], zero=-128)
        case "zero":
            none = [(0 if n % 2 else m, s) for n, (m, s) in enumerate(near)]
            return made([_single(m, s) for m, s in none], zero=5)
        case "double":
            return made([_double(AWAY, m, s) for m, s in near])
        case "double_rectified":
            return made([_double(AWAY, m, s) for m, s in near], zero=-128)
        case "double_one":
            return made([_double(AWAY, 1 << 30, 38)], zero=-1)
        case "double_up":
            return made([_double(UP, m, s) for m, s in far], zero=0)
        case "unshifted":
            return made([_double(AWAY, m >> 7, 31) for m, _ in near], zero=-4)
        case "one":
            return made([_single(1518500250, 39)], zero=-5)
        case "even":
            return made([MultiplyShift(m, s, Rounding.HALF_EVEN) for m, s in near])
        case "negative":
            return made([_single(-m, s) for m, s in near])
        case _:
            raise ValueError(kind)


KINDS = (
    *("single", "rectified", "centred", "tight", "far", "zero", "double", "double_rectified"),
    *("double_one", "double_up", "unshifted", "one", "even", "negative"),
)


class Layers:
    """Collects layers; ``graph`` has them all."""

    def __init__(self) -> None:
        self.builder = Builder("layers", Level.FIXED)
        self._outputs: list[str] = []
        self._rng = np.random.default_rng(9)

    def graph(self) -> Graph:
        return self.builder.finish(self._outputs)

    def requantized(self, sums: str, kind: str, code: IntType = I8) -> None:
        """The codes of sums; kinds for unsigned ones have their zero point where it fits."""
        type = self.builder.type_of(sums)
        found = requantizers(kind, type.shape[-1])
        if not code.signed:
            found = tuple(
                Requantizer(r.scaling, r.zero_point + 128, r.low + 128, r.high + 128) for r in found
            )
        named = TensorType(code, type.shape)
        self._outputs.append(self.builder.node("y", named, Requantize(found), [sums]))

    def followed(self, sums: str) -> None:
        """Requantized to 16 bits, clamped by channel, cut to 4 bits."""
        shape = self.builder.type_of(sums).shape
        wide, narrow = IntType(16, signed=True), IntType(4, signed=True)
        scale = MultiplyShift(3, 2, Rounding.HALF_AWAY_FROM_ZERO)
        op = Requantize((Requantizer(scale, 9, wide.minimum, wide.maximum),))
        codes = self.builder.node("wide", TensorType(wide, shape), op, [sums])
        high = tuple(40 + channel for channel in range(shape[-1]))
        clamp = Clamp(tuple(-value for value in high), high)
        codes = self.builder.node("clamped", TensorType(wide, shape), clamp, [codes])
        cast = Cast(Overflow.WRAP)
        self._outputs.append(self.builder.node("y", TensorType(narrow, shape), cast, [codes]))

    def keep(self, sums: str) -> None:
        """A value as it is."""
        self._outputs.append(sums)

    def convolution(self, shape: Shape, bias: bool = True) -> str:
        """The sums of a convolution with random weights."""
        builder = self.builder
        outputs = shape.channels if shape.depthwise else shape.outputs
        groups = shape.channels if shape.depthwise else 1
        weights = (outputs, *shape.kernel, shape.channels // groups)
        low, high = shape.w.minimum, shape.w.maximum
        codes = self._rng.integers(low, high, weights, endpoint=True)
        x = TensorType(shape.x, (shape.batch, *shape.side, shape.channels))
        operands = [
            builder.input("x", x),
            builder.constant("w", TensorType(shape.w, weights), codes),
        ]
        if bias:
            values = self._rng.integers(-(1 << 12), 1 << 12, outputs)
            operands.append(builder.constant("b", TensorType(I32, (outputs,)), values))
        op = Conv2d(
            shape.accumulator,
            shape.strides,
            shape.pads,
            shape.dilations,
            groups,
            shape.zero,
            (shape.weight_zero,),
            shape.pad_value,
        )
        found = result_shape(op, tuple(builder.type_of(operand) for operand in operands), ())
        return builder.node("sums", TensorType(shape.accumulator.type, found), op, operands)

    def product(self, rows: int, depth: int, outputs: int, element: IntType = I8) -> str:
        """The sums of a product with a random matrix."""
        builder = self.builder
        x = builder.input("x", TensorType(element, (rows, depth)))
        codes = self._rng.integers(-128, 128, (depth, outputs))
        weights = builder.constant("w", TensorType(I8, (depth, outputs)), codes)
        op = MatMul(Accumulator(I32), left_zero_point=3)
        return builder.node("sums", TensorType(I32, (rows, outputs)), op, [x, weights])


def extreme_samples(graph: Graph, count: int) -> list[Mapping[str, np.ndarray]]:
    """Random codes; in the first samples each input is one of its type's ends throughout."""
    rng = np.random.default_rng(3)
    samples: list[Mapping[str, np.ndarray]] = []
    for number in range(count):
        sample: dict[str, np.ndarray] = {}
        for value in graph.inputs:
            type = value.type.integer
            ends = (type.minimum, type.maximum)
            low, high = (ends[number], ends[number]) if number < 2 else ends
            codes = rng.integers(low, high, value.type.shape, endpoint=True)
            sample[value.name] = codes.astype(type.dtype)
        samples.append(sample)
    return samples
