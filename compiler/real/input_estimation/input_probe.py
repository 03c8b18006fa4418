# SPDX-License-Identifier: Apache-2.0
"""What the first linear layers of a network answer to inputs of our choice."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.distributions.elementwise import computed_operand
from intaglio.compiler.real.editing import describe, remove_unused
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.real.statistics import read_channel_statistics

_MOVES = frozenset(
    {"AveragePool", "Flatten", "GlobalAveragePool", "Identity", "Pad", "Reshape", "Slice", "Split"}
    | {"Squeeze", "Transpose", "Unsqueeze"}
)
_LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm"})
_AFFINE = frozenset({"Add", "Mul", "Sub"})


@dataclass(frozen=True, slots=True)
class FirstLayers:
    """What an input reaches through linear layers, affine operators and moves only.

    Attributes:
        noted: the first values with noted statistics.
        obstacles: what else the input reaches, and what is wrong with it.
    """

    noted: tuple[ir.Value, ...]
    obstacles: tuple[str, ...]


def first_layers(value: ir.Value) -> FirstLayers:
    """Follow an input as far as its elements are only moved, scaled and shifted."""
    noted: list[ir.Value] = []
    obstacles: list[str] = []
    for node in dict.fromkeys(use.node for use in value.uses()):
        found = _follow(node)
        if isinstance(found, str):
            obstacles.append(found)
            continue
        noted.extend(found.noted)
        obstacles.extend(found.obstacles)
    return FirstLayers(tuple(dict.fromkeys(noted)), tuple(dict.fromkeys(obstacles)))


def _follow(node: ir.Node) -> FirstLayers | str:
    noted = tuple(value for value in node.outputs if read_channel_statistics(value) is not None)
    linear = node.op_type in _LINEAR and read_linear(node) is not None
    affine = node.op_type in _AFFINE and computed_operand(node) is not None
    if not linear and not affine and node.op_type not in _MOVES:
        return f"{describe(node)} isn't linear with constant weights"
    if noted:
        return FirstLayers(noted, ())
    parts = [first_layers(value) for value in node.outputs]
    further = tuple(value for part in parts for value in part.noted)
    if linear and not further:
        return f"{describe(node)} has no BatchNormalization to learn from"
    return FirstLayers(further, tuple(said for part in parts for said in part.obstacles))


class Probe:
    """The network cut after its first layers; all of it is affine in the one input.

    Attributes:
        dims: of the input, without the batch.
        mean: ``[M]``, the noted mean of every channel of those layers.
        std: ``[M]``, the noted std.
    """

    def __init__(self, model: ir.Model, name: str) -> None:
        """Cut the model; the input must reach at least one noted layer and have static dims."""
        model = model.clone()
        graph = model.graph
        (value,) = (value for value in graph.inputs if value.name == name)
        layers = first_layers(value).noted
        graph.outputs.clear()
        graph.outputs.extend(layers)
        remove_unused(model)
        others = [other for other in graph.inputs if other is not value]
        for other in others:
            graph.inputs.remove(other)
        assert value.shape is not None
        batch = value.shape[0]
        self.dims = tuple(dim for dim in value.shape[1:] if isinstance(dim, int))
        statistics = [read_channel_statistics(layer) for layer in layers]
        self.mean = np.concatenate([noted.mean for noted in statistics if noted is not None])
        self.std = np.concatenate([noted.std for noted in statistics if noted is not None])
        self._batch = batch if isinstance(batch, int) else None
        self._name, self._session = name, Session(model, threads=1)
        self._zero = [array[:1] for array in self._run(np.zeros((1, *self.dims)))]
        self.offset = np.concatenate([_over_positions(zero)[0] for zero in self._zero])

    def means(self, samples: Reals) -> Reals:
        """``[n, M]``: the mean over positions of each channel for each sample, less the offset."""
        parts = [_over_positions(array) for array in self._run(samples)]
        answers: Reals = np.concatenate(parts, axis=1) - self.offset
        return answers

    def variances(self, samples: Reals) -> Reals:
        """``[M]``: the variance of each channel over samples and positions, less the offset."""
        parts: list[Reals] = []
        for array, zero in zip(self._run(samples), self._zero, strict=True):
            answer = np.moveaxis(array - zero, 1, 0).reshape(array.shape[1], -1)
            parts.append(answer.var(axis=1))
        return np.concatenate(parts)

    def _run(self, samples: Reals) -> list[Reals]:
        """Every layer's answer to ``[n, *dims]``, whatever batch the model is fixed to."""
        count = len(samples)
        size = count if self._batch is None else self._batch
        runs = [
            [array.astype(np.float64) for array in self._session.run({self._name: part}).values()]
            for part in _batches(samples, size)
        ]
        return [np.concatenate(arrays)[:count] for arrays in zip(*runs, strict=True)]


def _batches(samples: Reals, size: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(samples), size):
        part = samples[start : start + size].astype(np.float32)
        yield np.resize(part, (size, *part.shape[1:]))


def _over_positions(array: Reals) -> Reals:
    """``[n, C, ...]`` to ``[n, C]``."""
    averaged: Reals = array.reshape(*array.shape[:2], -1).mean(axis=2)
    return averaged
