# SPDX-License-Identifier: Apache-2.0
"""Many small steps in one graph, so that one program under QEMU runs all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.infer import result_shape
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.network import compile_network
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift, Scaling
from tests.simulator.emulated.devices import assert_device_agrees, random_samples

I32, U8, I8 = IntType(32, signed=True), IntType(8, signed=False), IntType(8, signed=True)
ACCUMULATOR = Accumulator(I32)
UP, AWAY = Rounding.HALF_TOWARD_POSITIVE, Rounding.HALF_AWAY_FROM_ZERO


@dataclass(frozen=True)
class Plane:
    """A convolution; ``outputs`` of 0 is a depthwise one."""

    batch: int = 1
    side: tuple[int, int] = (5, 6)
    channels: int = 16
    outputs: int = 16
    kernel: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (1, 1, 1, 1)
    dilations: tuple[int, int] = (1, 1)
    x: IntType = I8
    w: IntType = I8
    zero: int = -3
    weight_zero: int = 0
    pad_value: int = -3
    accumulator: Accumulator = ACCUMULATOR
    requantizers: tuple[Requantizer, ...] = ()
    y: IntType = I8

    @property
    def depthwise(self) -> bool:
        return self.outputs == 0

    @property
    def spread(self) -> float:
        """About how far a sum of random products is from 0."""
        depth = 1 if self.depthwise else self.channels
        return float(75 * 75 * np.sqrt(depth * self.kernel[0] * self.kernel[1]))


def doubly(plane: Plane, ties: Rounding = AWAY, zero_point: int = 4) -> Plane:
    """Each channel rounded twice, by multipliers of its own."""
    rng = np.random.default_rng(4)
    shift = int(np.log2(60 / plane.spread)) + 1
    found = [
        Requantizer(
            DoubleRounding(int(rng.integers(1 << 30, 1 << 31)), shift - n % 2, ties),
            zero_point,
            plane.y.minimum,
            plane.y.maximum,
        )
        for n in range(plane.outputs or plane.channels)
    ]
    return replace(plane, requantizers=tuple(found))


def once(plane: Plane, zero_point: int = -128, clamp: tuple[int, int] | None = None) -> Plane:
    """Each channel rounded once, by multipliers of its own."""
    rng = np.random.default_rng(5)
    shift = 31 - (int(np.log2(60 / plane.spread)) + 1)
    low, high = clamp or (plane.y.minimum, plane.y.maximum)
    found = [
        Requantizer(
            MultiplyShift(int(rng.integers(1 << 30, 1 << 31)), shift + n % 3, UP),
            zero_point,
            low,
            high,
        )
        for n in range(plane.outputs or plane.channels)
    ]
    return replace(plane, requantizers=tuple(found))


def all_with(plane: Plane, scaling: Scaling, zero_point: int = 0) -> Plane:
    """One requantizer for all channels."""
    one = Requantizer(scaling, zero_point, plane.y.minimum, plane.y.maximum)
    return replace(plane, requantizers=(one,))


def many_planes(planes: Sequence[Plane]) -> Graph:
    """All of them, each with an input of its own."""
    builder = Builder("many", Level.FIXED)
    outputs = [_plane(builder, number, plane) for number, plane in enumerate(planes)]
    return builder.finish(outputs)


def _plane(builder: Builder, number: int, plane: Plane) -> str:
    rng = np.random.default_rng(number)
    outputs = plane.outputs or plane.channels
    groups = plane.channels if plane.depthwise else 1
    shape = (outputs, *plane.kernel, plane.channels // groups)
    least = plane.w.minimum + int(plane.w.signed)
    codes = rng.integers(least, plane.w.maximum, shape, endpoint=True)
    bias = rng.integers(-(1 << 12), 1 << 12, outputs)
    x = TensorType(plane.x, (plane.batch, *plane.side, plane.channels))
    operands = [
        builder.input(f"x{number}", x),
        builder.constant(f"w{number}", TensorType(plane.w, shape), codes),
        builder.constant(f"b{number}", TensorType(I32, bias.shape), bias),
    ]
    op = fixed.Conv2d(
        plane.accumulator,
        plane.strides,
        plane.pads,
        plane.dilations,
        groups,
        plane.zero,
        (plane.weight_zero,),
        plane.pad_value,
    )
    found = result_shape(op, tuple(builder.type_of(operand) for operand in operands), ())
    sums = TensorType(plane.accumulator.type, found)
    last = builder.node(f"sums{number}", sums, op, operands)
    if plane.requantizers:
        requantize = fixed.Requantize(plane.requantizers)
        type = TensorType(plane.y, found)
        last = builder.node(f"y{number}", type, requantize, [last])
    return last


def forms(graph: Graph) -> list[str]:
    """By step, which kernel it has."""
    network = compile_network(graph, "many", arm_machine("cortex-m55"))
    return [form.form for form in network.forms]


def assert_exact(graph: Graph, samples: int = 3) -> None:
    """The bits of the simulator under QEMU."""
    assert_device_agrees(graph, "cortex-m55", random_samples(graph, samples))
