# SPDX-License-Identifier: Apache-2.0
"""Sums in order: convolutions and products, output channels along lanes of 32 bits.

Each step takes one term of several pixels by several vectors of channels: an element of x without
its zero point, in every lane, with a vector of weights; of a depthwise convolution, neighbouring
channels of x with theirs.  Channels of which a proof says that order doesn't matter are summed by
the faster form where there is one; the others take their places after that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Function, Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor, split
from intaglio.compiler.targets.tvm.kernels.vector.convolution import (
    Tile,
    add_convolution,
    choose_tile,
    convolved,
)
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks
from intaglio.compiler.targets.tvm.kernels.vector.matmul import add_matmul, multiplied
from intaglio.compiler.targets.tvm.kernels.vector.padding import Centred, centred
from intaglio.compiler.targets.tvm.kernels.vector.registers import (
    Products,
    Shape,
    TermSums,
    is_tree,
)
from intaglio.compiler.targets.tvm.kernels.vector.scattered import Packed, Scatter
from intaglio.compiler.targets.tvm.kernels.vector.terms import Terms, terms, without_order
from intaglio.compiler.targets.tvm.kernels.vector.unit import Unit
from intaglio.compiler.targets.tvm.kernels.windows import NO_FRAME, Frame, Windows
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.intervals import Interval

_NEAR = 1 << 14
"""Bytes of weights that stay in the nearest cache beside the activations."""
_STEPS = 8
"""Work of a term in order, where one of four terms at once is 2."""
_SCATTERED = 200
"""Work to put the lanes of a vector where they belong, in the same unit."""


@dataclass(frozen=True, slots=True)
class View:
    """How the terms of a sum lie on planes of x.

    Attributes:
        frame: around each plane.
        shape: of x's planes: rows, columns, channels.
        windows: where each output's terms start.
        offsets: by number of a term: elements from the start of its window.
        groups: of channels; each output channel sees those of its group.
        outputs: channels of the results.
    """

    frame: Frame
    shape: tuple[int, int, int]
    windows: Windows
    offsets: NDArray[np.int32]
    groups: int
    outputs: int

    @property
    def depthwise(self) -> bool:
        """Whether each channel of x makes one of the results."""
        return 1 < self.groups == self.outputs == self.shape[2]


def ordered_convolution(scope: Scope, op: fixed.Conv2d, unit: Unit) -> Kernel | None:
    """The kernel of a convolution, None where its sums have no order or don't fit."""
    weights = scope.constant(1)
    if weights is None:
        return None
    given = scope.graph.operand_types(scope.node)[0].shape
    x = scope.ranges[scope.node.operands[0]]
    if any(op.pads):
        x |= Interval(op.pad_value, op.pad_value)
    zero = Interval(op.input_zero_point, op.input_zero_point)
    found = terms(scope, op, weights, op.weight_zero_points, x - zero)
    if found is None:
        return None
    batch, rows, columns, _ = scope.node.type.shape
    view = View(
        Frame(op.pads, op.pad_value),
        (given[1], given[2], given[3]),
        Windows(batch, rows, columns, op.strides, op.dilations[0]),
        _offsets(op, weights.shape, given),
        op.groups,
        len(weights),
    )
    return _kernel(scope, op, found, view, op.input_zero_point, unit)


def _offsets(op: fixed.Conv2d, kernel: Sequence[int], x: Sequence[int]) -> NDArray[np.int32]:
    columns = x[2] + op.pads[1] + op.pads[3]
    r, s, c = np.indices(kernel[1:])
    places = (r * op.dilations[0] * columns + s * op.dilations[1]) * x[3] + c
    return np.asarray(places.reshape(-1), dtype=np.int32)


def ordered_matmul(scope: Scope, op: fixed.MatMul, unit: Unit) -> Kernel | None:
    """The kernel of a product with one constant matrix, None as above."""
    matrix = scope.constant(1)
    if matrix is None or matrix.ndim != 2:
        return None
    depth = matrix.shape[0]
    zero = Interval(op.left_zero_point, op.left_zero_point)
    x = scope.ranges[scope.node.operands[0]] - zero
    weights = np.ascontiguousarray(matrix.T)
    found = terms(scope, op, weights, op.right_zero_points, x)
    if found is None:
        return None
    rows = scope.graph.operand_types(scope.node)[0].size // depth
    windows = Windows(1, 1, rows, (1, 1), 1)
    view = View(
        NO_FRAME, (1, rows, depth), windows, np.arange(depth, dtype=np.int32), 1, len(weights)
    )
    return _kernel(scope, op, found, view, op.left_zero_point, unit)


def _kernel(
    scope: Scope,
    op: fixed.Conv2d | fixed.MatMul,
    found: Terms,
    view: View,
    zero_point: int,
    unit: Unit,
) -> Kernel | None:
    outputs = len(found.weights)
    if view.depthwise and outputs < unit.lanes:
        return None
    x, y = scope.operand(0), scope.result()
    channels: Sequence[int] = range(outputs)
    if _worth_apart(found, unit) and _add_exact(scope, op, unit, x, y):
        channels = found.unproved
    packed = _packed(scope.function, found, view, channels, unit.lanes)
    scatter = Scatter(scope, op, packed.order, unit.lanes, y)
    plane = centred(scope.function, x, view.shape, view.frame, zero_point)
    _add_ordered(scope.function, unit, found, view, plane, packed, scatter)
    return scope.function.finish(f"{unit.name} in order")


def _worth_apart(found: Terms, unit: Unit) -> bool:
    """Whether all channels by the faster form, and then some in order, are less work than all."""
    outputs, depth = len(found.weights), found.weights[0].size
    blocks, apart = -(-outputs // unit.lanes), -(-len(found.unproved) // unit.lanes)
    together = blocks * _STEPS * depth
    return bool(apart * (_STEPS * depth + _SCATTERED) + blocks * depth < together)


def _add_exact(
    scope: Scope, op: fixed.Conv2d | fixed.MatMul, unit: Unit, x: Tensor, y: Tensor
) -> bool:
    """Compute what the channels are that a proof clears, if the faster form can."""
    accumulator = without_order(op.accumulator)
    if isinstance(op, fixed.Conv2d):
        convolution = replace(op, accumulator=accumulator)
        sums = convolved(scope, convolution)
        if sums is None:
            return False
        add_convolution(scope, convolution, sums, unit, x, y)
        return True
    product = replace(op, accumulator=accumulator)
    sums = multiplied(scope, product)
    if sums is None:
        return False
    add_matmul(scope, product, sums, unit, x, y)
    return True


def _add_ordered(
    function: Function,
    unit: Unit,
    found: Terms,
    view: View,
    plane: Centred,
    packed: Packed,
    scatter: Scatter,
) -> None:
    """Compute the channels of the blocks that are packed, tile by tile."""
    windows, count = view.windows, packed.count
    few = replace(unit, accumulators=_accumulators(found, unit))
    # Vectors of a tile see the same channels of x.
    tile = choose_tile(windows.columns, count if view.groups == 1 else 1, few)
    turns = -(-count // tile.vectors)
    # Weights that don't stay near are read once for all pixels, else pixels once for all weights.
    outer = packed.size > _NEAR
    far_turns, near_turns = (turns, 1) if outer else (1, turns)
    across = -(-windows.columns // tile.pixels)
    extents = (far_turns, windows.batch, windows.rows, across, near_turns)
    with split(function, extents) as (far, n, i, tx, near):
        turn = (far if outer else near) * index(tile.vectors)
        block = function.bind(tirx.min(turn, index(count - tile.vectors)))
        j = function.bind(tirx.min(tx * index(tile.pixels), index(windows.columns - tile.pixels)))
        place = plane.offset(n, i * index(windows.strides[0]), j * index(windows.strides[1]))
        start = function.bind(place + packed.first_input(block))
        products = _products(function, unit, tile, found, view, plane, packed, start, block)
        shape = Shape(tile.pixels, tile.vectors, unit.lanes)
        sums = TermSums(function, found.accumulator, found.bounds, len(view.offsets), shape)
        biases = [packed.bias(block + index(v)) for v in range(tile.vectors)]
        sums.add_all(products, biases)
        row = n * index(windows.rows) + i
        pixel = function.bind((row * index(windows.columns) + j) * index(len(found.weights)))
        for m in range(tile.pixels):
            first = function.bind(pixel + index(m * len(found.weights)))
            for v in range(tile.vectors):
                total = sums.totals.value(m * tile.vectors + v)
                scatter.store(first, block + index(v), total)


def _products(
    function: Function,
    unit: Unit,
    tile: Tile,
    found: Terms,
    view: View,
    plane: Centred,
    packed: Packed,
    start: Expression,
    block: Expression,
) -> Products:
    """The products of a tile whose first window starts at ``start``."""
    step = view.windows.strides[1] * plane.shape[2]
    alike = np.array_equal(view.offsets, np.arange(len(view.offsets)))
    offsets = None if alike else function.table(view.offsets)

    def products(k: Expression) -> Iterator[Number]:
        at = function.bind(start + (k if offsets is None else load(offsets, k)))
        vectors = [packed.weights(block + index(v), k) for v in range(tile.vectors)]
        for m in range(tile.pixels):
            place = at + index(m * step)
            # Lanes are neighbouring channels of x, or channels that see the same one of x.
            if view.depthwise:
                loaded = load(plane.buffer, place, unit.lanes)
            else:
                loaded = tirx.Broadcast(load(plane.buffer, place), unit.lanes)
            x = Number(function.bind(loaded), found.x, 32, unit.lanes)
            yield from (x * weights for weights in vectors)

    return products


def _accumulators(found: Terms, unit: Unit) -> int:
    """How many sums fit the registers at once, beside limits, weights and what is on its way."""
    partial = found.accumulator.partial_sums
    free = (32 if unit.lanes == 16 else 16) - 6
    if partial is None:
        return free
    # A tree's levels lie in memory; what is between them is emitted for each sum and level.
    return 4 if is_tree(partial) else free // 2


def _packed(
    function: Function, found: Terms, view: View, channels: Sequence[int], lanes: int
) -> Packed:
    """The weights of some channels, block by block."""
    outputs = len(found.weights)
    if view.depthwise:
        blocks = Blocks(outputs, lanes)
        return Packed(function, found, tuple(blocks.order), tuple(blocks.starts), lanes)
    order: list[int] = []
    first_inputs: list[int] = []
    of_group, inputs = outputs // view.groups, view.shape[2] // view.groups
    for group in range(view.groups):
        mine = [channel for channel in channels if channel // of_group == group]
        for first in range(0, len(mine), lanes):
            # The last block overlaps the one before: where all are neighbours, so are its own.
            block = mine[min(first, max(len(mine) - lanes, 0)) :][:lanes]
            order += block + block[-1:] * (lanes - len(block))
            first_inputs.append(group * inputs)
    return Packed(function, found, tuple(order), tuple(first_inputs), lanes)
