# SPDX-License-Identifier: Apache-2.0
"""Second moments of what a layer reads and of what it should yield: all that its error needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import int_attribute
from intaglio.compiler.real.onnx_runtime import Array

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LayerMoments:
    """Of x, what a group's outputs read, and y, what they should yield, over all positions.

    Attributes:
        inputs: ``[G, n, n]``, E[x x^T]; n is inputs / groups * taps.
        cross: ``[G, n, R]``, E[x y^T]; R is outputs / groups.
        power: ``[G, R]``, E[y^2].
        input_mean: ``[G, n]``, E[x].
        target_mean: ``[G, R]``, E[y].
        positions: how many were read.
    """

    inputs: Reals
    cross: Reals
    power: Reals
    input_mean: Reals
    target_mean: Reals
    positions: int

    def centred(self) -> "LayerMoments":
        """About the means: what is left to the weights where a bias brings back the mean of y."""
        x, y = self.input_mean, self.target_mean
        return LayerMoments(
            self.inputs - x[:, :, None] * x[:, None, :],
            self.cross - x[:, :, None] * y[:, None, :],
            np.maximum(self.power - y**2, 0.0),
            np.zeros_like(x),
            np.zeros_like(y),
            self.positions,
        )

    def error(self, weight: Reals) -> Reals:
        """E[(y - w x)^2] of each output, ``[G, R]``, for weights ``[G, R, n]``.

        E[y^2] - 2 w E[x y] + w E[x x^T] w^T
        """
        square = ((weight @ self.inputs) * weight).sum(axis=-1)
        product = (weight * self.cross.transpose(0, 2, 1)).sum(axis=-1)
        errors: Reals = np.maximum(self.power - 2 * product + square, 0.0)
        return errors


class MomentSums:
    """Adds up moments over batches, of at most so many positions a sample.

    Args:
        node: a Conv with explicit padding, a Gemm, or a MatMul by a constant matrix.
        kernel: taps along each spatial axis of a Conv; empty for the others.
        groups: of a Conv.
        positions: how many output positions of a sample count; drawn by a fixed seed where it has
            more.
    """

    def __init__(self, node: ir.Node, kernel: tuple[int, ...], groups: int, positions: int) -> None:
        """Start with nothing."""
        self._node, self._kernel, self._groups = node, kernel, groups
        self._positions = positions
        self._sums: tuple[Reals, ...] | None = None
        self._count = 0

    def add(self, source: Array, target: Array) -> None:
        """Count one batch: what the node reads, and what it should yield, as float32 arrays."""
        x, y = self._columns(source, target)
        self._count += x.shape[-1]
        across = y.transpose(0, 2, 1)
        products: tuple[NDArray[np.float32], ...] = (
            *(x @ x.transpose(0, 2, 1), x @ across),
            *(np.square(y).sum(axis=-1), x.sum(axis=-1), y.sum(axis=-1)),
        )
        new = tuple(product.astype(np.float64) for product in products)
        old = self._sums
        self._sums = new if old is None else tuple(a + b for a, b in zip(old, new, strict=True))

    def moments(self) -> LayerMoments:
        """The means over all positions; there must have been one."""
        assert self._sums is not None
        inputs, cross, power, x, y = (total / max(self._count, 1) for total in self._sums)
        return LayerMoments(inputs, cross, power, x, y, self._count)

    def _columns(
        self, source: Array, target: Array
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``[G, n, P]`` and ``[G, R, P]``: what each position reads and should yield."""
        if self._node.op_type != "Conv":
            reads = source.reshape(-1, source.shape[-1])
            yields = target.reshape(-1, target.shape[-1])
            chosen = self._choose(len(reads), self._positions * len(source))
            return reads[chosen].T[None], yields[chosen].T[None]
        extents = target.shape[2:]
        chosen = np.stack(
            [self._choose(prod(extents), self._positions, n) for n in range(len(source))]
        )
        taps = np.stack(list(self._taps(source, np.unravel_index(chosen, extents))), axis=-1)
        flat = target.reshape(*target.shape[:2], -1).transpose(0, 2, 1)
        return self._grouped(taps), self._grouped(np.take_along_axis(flat, chosen[..., None], 1))

    def _grouped(self, arrays: Array) -> NDArray[np.float32]:
        """``[N, P, C, ...]`` to ``[G, C / G * ..., N * P]``."""
        rows = arrays.reshape(arrays.shape[0] * arrays.shape[1], self._groups, -1)
        return np.ascontiguousarray(rows.transpose(1, 2, 0), dtype=np.float32)

    def _choose(self, total: int, limit: int, sample: int = 0) -> NDArray[np.int64]:
        if total <= limit:
            return np.arange(total)
        generator = np.random.default_rng((self._count, sample))
        return np.sort(generator.choice(total, limit, replace=False))

    def _taps(self, source: Array, at: tuple[NDArray[np.int64], ...]) -> Iterator[Array]:
        """What each tap of the kernel reads at output positions ``[N, P]``, as ``[N, P, C]``."""
        rank, attributes = len(self._kernel), self._node.attributes
        strides = attributes.get_ints("strides", [1] * rank)
        dilations = attributes.get_ints("dilations", [1] * rank)
        pads = attributes.get_ints("pads", [0] * 2 * rank)
        around = [(pads[axis], pads[rank + axis]) for axis in range(rank)]
        padded = np.pad(source, [(0, 0), (0, 0), *around])
        samples = np.arange(len(source))[:, None]
        for tap in np.ndindex(*self._kernel):
            places = tuple(
                at[axis] * strides[axis] + tap[axis] * dilations[axis] for axis in range(rank)
            )
            yield padded[(samples, slice(None), *places)]


def moment_sums(node: ir.Node, weight: Array, positions: int) -> MomentSums:
    """Sums for a node with weights of that shape, as it stores them."""
    kernel = tuple(weight.shape[2:]) if node.op_type == "Conv" else ()
    groups = int_attribute(node, "group", 1) if node.op_type == "Conv" else 1
    return MomentSums(node, kernel, groups, positions)
