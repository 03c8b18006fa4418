# SPDX-License-Identifier: Apache-2.0
"""Convolutions and products of every shape that a vector form treats in its own way."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Conv2d, MatMul, Requantize
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.infer import result_shape
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.targets.tvm.machine import Instructions, available, host
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift
from intaglio.simulator.compiled import loading
from tests.simulator.compiled.comparing import assert_compiled_agrees

I32, U8, I8 = IntType(32, signed=True), IntType(8, signed=False), IntType(8, signed=True)
ACCUMULATOR = Accumulator(I32)


@dataclass(frozen=True)
class Shape:
    """A convolution; its name in a test is what differs from the plainest one."""

    batch: int = 1
    side: tuple[int, int] = (8, 8)
    channels: int = 16
    outputs: int = 16
    kernel: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (1, 1, 1, 1)
    dilations: tuple[int, int] = (1, 1)
    x: IntType = U8
    w: IntType = I8
    zero: int = 0
    weight_zero: int = 0
    pad_value: int = 0
    accumulator: Accumulator = ACCUMULATOR

    @property
    def depthwise(self) -> bool:
        return self.outputs == 0


PLAIN = Shape()
SHAPES = {
    "plain": PLAIN,
    "batch": replace(PLAIN, batch=3),
    "pointwise": replace(PLAIN, kernel=(1, 1), pads=(0, 0, 0, 0)),
    "pointwise_batch": replace(PLAIN, batch=2, kernel=(1, 1), pads=(0, 0, 0, 0), side=(5, 7)),
    "pointwise_stride": replace(PLAIN, kernel=(1, 1), pads=(0, 0, 0, 0), strides=(2, 2)),
    "pointwise_rest": replace(PLAIN, kernel=(1, 1), pads=(0, 0, 0, 0), channels=7, outputs=19),
    "one_pixel": replace(PLAIN, side=(1, 1), kernel=(1, 1), pads=(0, 0, 0, 0), outputs=70),
    "first": replace(PLAIN, side=(13, 11), channels=3, outputs=24, strides=(2, 2)),
    "wide": replace(PLAIN, side=(3, 40), outputs=100),
    "few_outputs": replace(PLAIN, outputs=5),
    "one_output": replace(PLAIN, outputs=1, channels=1),
    "overlap": replace(PLAIN, outputs=23, side=(6, 15)),
    "deep": replace(PLAIN, channels=130, outputs=260, side=(4, 5)),
    "dilated": replace(PLAIN, dilations=(2, 3), pads=(2, 3, 2, 3)),
    "uneven_pads": replace(PLAIN, pads=(0, 2, 1, 0), kernel=(2, 4)),
    "signed": replace(PLAIN, x=I8, zero=-3, pad_value=-3),
    "signed_pointwise": replace(PLAIN, x=I8, zero=5, kernel=(1, 1), pads=(0, 0, 0, 0)),
    "zero_point": replace(PLAIN, zero=131, pad_value=131),
    "odd_padding": replace(PLAIN, zero=131, pad_value=7),
    "weight_zero": replace(PLAIN, w=U8, weight_zero=128),
    "narrow_accumulator": replace(PLAIN, accumulator=Accumulator(IntType(9, signed=True))),
    "saturating": replace(
        PLAIN, accumulator=Accumulator(IntType(12, signed=True), Overflow.SATURATE)
    ),
    "ordered": replace(
        PLAIN, accumulator=Accumulator(IntType(16, signed=True), Overflow.SATURATE_EACH_ADD)
    ),
    "depthwise": replace(PLAIN, channels=48, outputs=0),
    "depthwise_stride": replace(PLAIN, channels=32, outputs=0, strides=(2, 2), side=(9, 13)),
    "depthwise_overlap": replace(PLAIN, channels=37, outputs=0, side=(7, 5), batch=2),
    "depthwise_few": replace(PLAIN, channels=9, outputs=0),
    "depthwise_signed": replace(PLAIN, channels=16, outputs=0, x=I8, zero=-7, pad_value=-7),
    "depthwise_unpadded": replace(PLAIN, channels=16, outputs=0, x=I8, pads=(0, 0, 0, 0)),
    "depthwise_2x2": replace(PLAIN, channels=16, outputs=0, kernel=(2, 2), pads=(0, 0, 1, 1)),
    "depthwise_4x4": replace(PLAIN, channels=16, outputs=0, kernel=(4, 4), pads=(2, 1, 1, 2)),
    "depthwise_5x5": replace(PLAIN, channels=16, outputs=0, kernel=(5, 5), pads=(2, 2, 2, 2)),
    "depthwise_row": replace(PLAIN, channels=16, outputs=0, side=(1, 40), kernel=(1, 3)),
}


def convolution(shape: Shape) -> Graph:
    """A convolution with random weights, requantized."""
    rng = np.random.default_rng(9)
    outputs = shape.channels if shape.depthwise else shape.outputs
    groups = shape.channels if shape.depthwise else 1
    builder = Builder("convolution", Level.FIXED)
    x = TensorType(shape.x, (shape.batch, *shape.side, shape.channels))
    weights = (outputs, *shape.kernel, shape.channels // groups)
    codes = rng.integers(shape.w.minimum, shape.w.maximum, weights, endpoint=True)
    bias = rng.integers(-(1 << 12), 1 << 12, outputs)
    operands = [
        builder.input("x", x),
        builder.constant("w", TensorType(shape.w, weights), codes),
        builder.constant("b", TensorType(I32, bias.shape), bias),
    ]
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
    types = tuple(builder.type_of(operand) for operand in operands)
    found = result_shape(op, types, ())
    sums = builder.node("sums", TensorType(shape.accumulator.type, found), op, operands)
    return builder.finish([_requantized(builder, sums, found, outputs)])


def _requantized(builder: Builder, sums: str, shape: tuple[int, ...], outputs: int) -> str:
    rng = np.random.default_rng(4)
    multipliers = rng.integers(1 << 30, 1 << 31, outputs)
    found = tuple(
        Requantizer(
            MultiplyShift(int(m), 38 + int(m) % 3, Rounding.HALF_TOWARD_POSITIVE), 3, -128, 127
        )
        for m in multipliers
    )
    return builder.node("y", TensorType(I8, shape), Requantize(found), [sums])


def random_codes(type: TensorType) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    element = type.integer
    rng = np.random.default_rng(2)
    codes = rng.integers(element.minimum, element.maximum, type.shape, endpoint=True)
    return codes.astype(element.dtype)


@pytest.fixture(params=available(), ids=lambda found: found.value)
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Instructions:
    """Each instruction set that this machine runs, in turn."""
    found: Instructions = request.param
    monkeypatch.setattr(loading, "host", lambda: host(found))
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_convolutions_agree(name: str, instructions: Instructions) -> None:
    graph = convolution(SHAPES[name])
    assert_compiled_agrees(graph, {"x": random_codes(graph.inputs[0].type)})


@pytest.mark.parametrize("shape", [(1, 64, 10), (3, 7, 33), (40, 16, 16), (2, 5, 3), (1, 300, 70)])
@pytest.mark.parametrize("element", [U8, I8])
def test_products_agree(
    shape: tuple[int, int, int], element: IntType, instructions: Instructions
) -> None:
    rows, depth, outputs = shape
    rng = np.random.default_rng(9)
    builder = Builder("product", Level.FIXED)
    x = builder.input("x", TensorType(element, (rows, depth)))
    weights = builder.constant(
        "w", TensorType(I8, (depth, outputs)), rng.integers(-128, 128, (depth, outputs))
    )
    op = MatMul(Accumulator(I32), left_zero_point=3)
    sums = builder.node("sums", TensorType(I32, (rows, outputs)), op, [x, weights])
    graph = builder.finish([_requantized(builder, sums, (rows, outputs), outputs)])
    assert_compiled_agrees(graph, {"x": random_codes(graph.inputs[0].type)})
