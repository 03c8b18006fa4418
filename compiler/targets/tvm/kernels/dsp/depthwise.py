# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions: all channels of an output from where its window lies in x.

Taps are found by their offsets.  Those of a window that reaches beyond x are computed; outside they
lead to padding in scratch memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.dsp.bytes import FILL
from intaglio.compiler.targets.tvm.kernels.dsp.products import Line, Products, products
from intaglio.compiler.targets.tvm.kernels.dsp.rescaling import Factor, Rescaling
from intaglio.compiler.targets.tvm.kernels.dsp.routine import (
    difference,
    either,
    importing,
    moved,
    place,
    word_at,
)
from intaglio.compiler.targets.tvm.kernels.dsp.rows import codes
from intaglio.compiler.targets.tvm.kernels.dsp.segments import Window
from intaglio.compiler.targets.tvm.kernels.dsp.settled import settled
from intaglio.compiler.targets.tvm.kernels.dsp.taps import CHANNELS, PLACED, block_words, tap_sums
from intaglio.compiler.targets.tvm.kernels.scope import Scope, nest
from intaglio.compiler.targets.tvm.library import Expression, tirx


def depthwise(scope: Scope, op: fixed.Conv2d) -> Kernel | None:
    """The kernel of a convolution of one channel a group, None where this form doesn't serve it."""
    weights = scope.constant(1)
    if weights is None or op.groups != weights.shape[0] or op.groups < CHANNELS:
        return None
    if weights.shape[3] != 1:
        return None
    found = products(scope, op, weights, op.weight_zero_points, op.input_zero_point)
    return None if found is None else _emit(scope, op, found)


def _emit(scope: Scope, op: fixed.Conv2d, found: Products) -> Kernel:
    function = scope.function
    function.hide_sizes()
    x, y = scope.operand(0), scope.result()
    channels, kernel_rows, kernel_columns, _ = found.weights.shape
    taps = kernel_rows * kernel_columns
    window = Window.of(op, found.weights.shape, x.type.shape, y.type.shape)
    line, rescaling = settled(scope, op, found, Products.plain_line)
    become = codes(scope, op, line, rescaling, y)
    fast = become.in_bytes
    # Offsets of the taps of a window that reaches beyond x, sums that are no codes yet, padding.
    sums_at = 4 * taps if window.padded else 0
    padding_at = sums_at + (0 if fast else 4 * channels)
    size = padding_at + (channels if window.padded else 0)
    scratch = function.scratch("uint8", max(size, 1))
    blocks = _Blocks(channels, taps, fast)
    extents = [sums_at, padding_at, blocks.whole, channels - CHANNELS, blocks.last_word]
    geometry = function.table(np.array([*extents, *window.words], np.int32))
    sums_from, padding, whole, last, last_word = (
        function.bind(load(geometry, index(number))) for number in range(len(extents))
    )
    at = window.load(function, geometry, len(extents))
    words = function.table(blocks.table(line))
    offsets = function.table(_offsets(op, found.weights.shape, x.type.shape))
    routine = tap_sums(taps, found.centre == 0, fast)
    if window.padded:
        code = index(op.pad_value)
        FILL.call(function, place(scratch, padding), at["channels"], code)
    with nest(function, (at["batch"], at["rows"], at["columns"])) as (n, i, j):
        corner = window.corner(function, at, i, j)
        row = (n * at["x_rows"] + corner[0]) * at["x_columns"] + corner[1]
        start = function.bind(row * at["channels"])
        taps_at = place(offsets, index(0))
        if window.padded:
            inside = window.inside(function, at, corner)
            with function.when(tirx.EQ(inside, index(0))):
                from_start = moved(place(x.buffer, index(0)), start)
                beyond = difference(place(scratch, padding), from_start)
                PLACED.call(
                    function,
                    place(offsets, index(taps)),
                    place(scratch, index(0)),
                    index(taps),
                    *corner,
                    at["x_rows"],
                    at["x_columns"],
                    beyond,
                )
            taps_at = either(inside, taps_at, place(scratch, index(0)))
        to = function.bind(((n * at["rows"] + i) * at["columns"] + j) * at["channels"])

        def run(channel: Expression, count: Expression, word: Expression) -> None:
            # A window may start before x; no tap is read from there.
            source = moved(place(x.buffer, index(0)), start + channel)
            if fast:
                begin, end = place(y.buffer, to + channel), place(y.buffer, to + channel + count)
            else:
                first = sums_from + channel * index(4)
                begin, end = place(scratch, first), place(scratch, first + count * index(4))
            routine.call(function, source, place(words, word), taps_at, begin, end)

        run(index(0), whole, index(0))
        if channels % CHANNELS:
            # The last four channels overlap those before.
            run(last, index(CHANNELS), last_word)
        if not fast:
            with function.loop(at["channels"]) as channel:
                total = word_at(place(scratch, sums_from + channel * index(4)))
                become.store(to + channel, channel, become.words(channel), function.bind(total))
    return importing(function.finish("arm-dsp depthwise"), [routine, PLACED, FILL])


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Channels in fours; the last four overlap those before."""

    channels: int
    taps: int
    fast: Rescaling | None

    @property
    def whole(self) -> int:
        """Channels in blocks that don't overlap."""
        return self.channels - self.channels % CHANNELS

    @property
    def last_word(self) -> int:
        """Where the constants of a block that overlaps start."""
        pairs, single = divmod(self.taps, 2)
        size = CHANNELS * (1 + pairs) + 2 * single + (3 * CHANNELS if self.fast else 0)
        return size * (self.whole // CHANNELS)

    def table(self, line: Line) -> npt.NDArray[np.int32]:
        """The constants of all blocks."""
        weights = line.weights.T
        starts = list(range(0, self.whole, CHANNELS))
        if self.whole < self.channels:
            starts.append(self.channels - CHANNELS)
        words: list[int] = []
        for start in starts:
            block = slice(start, start + CHANNELS)
            bias = [int(value) for value in line.bias[block]]
            words += block_words(weights[:, block], bias, self._factors(block))
        return np.array(words, dtype=np.int32)

    def _factors(self, block: slice) -> Sequence[Factor] | None:
        if self.fast is None:
            return None
        factors = self.fast.factors
        return factors[block] if len(factors) > 1 else factors * CHANNELS


def _offsets(
    op: fixed.Conv2d, weights: tuple[int, ...], x: tuple[int, ...]
) -> npt.NDArray[np.int32]:
    """Bytes from the first tap of a window in x to each; then what ``PLACED`` needs of each."""
    rows, columns = op.dilations
    taps = [(r * rows, s * columns) for r in range(weights[1]) for s in range(weights[2])]
    offsets = [(down * x[2] + right) * x[3] for down, right in taps]
    words = [word for tap, offset in zip(taps, offsets, strict=True) for word in (*tap, offset)]
    return np.array([*offsets, *words], dtype=np.int32)
