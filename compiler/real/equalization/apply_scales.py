# SPDX-License-Identifier: Apache-2.0
"""Write chosen scales into a network: weights, biases, constants, and noted statistics."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import Names, float_constant, name_of, write_float_input
from intaglio.compiler.real.equalization.channel_ties import ConstantOperand, Layer
from intaglio.compiler.real.equalization.equalization_regions import Scales
from intaglio.compiler.real.linear import write_linear
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics

Reals = NDArray[np.float64]


def apply_scales(graph: ir.Graph, scales: Scales, factors: Reals) -> tuple[Note, ...]:
    """Divide every element by its factor, in place; a note for each constant that was shared.

    W' = W * s_in / s_out, b' = b / s_out, constants / s, mean / s and std / s. Weights that
    several layers share are copied where their scales differ.
    """
    names, notes = Names(graph), list[Note]()
    for layer in scales.layers:
        _scale_layer(graph, names, layer, factors, notes)
    for operand in scales.constants:
        _scale_constant(graph, names, operand, factors)
    for value, slots in scales.values.items():
        statistics = read_channel_statistics(value)
        if statistics is None:
            continue
        along = np.moveaxis(slots, 1, -1).reshape(-1, slots.shape[1])[0]
        divisor = factors[along]
        write_channel_statistics(
            value, np.array(statistics.mean) / divisor, np.array(statistics.std) / divisor
        )
    return tuple(notes)


def _scale_layer(
    graph: ir.Graph, names: Names, layer: Layer, factors: Reals, notes: list[Note]
) -> None:
    linear = layer.linear
    before, after = factors[layer.inputs], factors[layer.outputs]
    if (before == 1).all() and (after == 1).all():
        return
    for value in layer.node.inputs[1:]:
        if value is not None and len(value.uses()) > 1:
            said = f"other nodes read it too: {name_of(layer.node)} gets a copy of its own"
            notes.append(Note(value.name or "", said, {"nodes": len(value.uses())}))
    grouped = linear.weight.reshape(linear.groups, -1, linear.weight.shape[1] or 1, _kernel(layer))
    scaled = grouped * before.reshape(linear.groups, 1, -1, 1)
    scaled = scaled / after.reshape(linear.groups, -1, 1, 1)
    weight = scaled.reshape(linear.weight.shape)
    write_linear(graph, names, layer.node, weight, linear.bias / after)


def _kernel(layer: Layer) -> int:
    """How many taps a kernel has."""
    return int(np.prod(layer.linear.weight.shape[2:]))


def _scale_constant(
    graph: ir.Graph, names: Names, operand: ConstantOperand, factors: Reals
) -> None:
    divisor = factors[operand.slots]
    array = float_constant(operand.node.inputs[operand.index])
    assert array is not None
    if (divisor == 1).all():
        return
    scaled = _aligned(array, divisor.ndim) / divisor
    write_float_input(graph, names, operand.node, operand.index, scaled, "")


def _aligned(array: Reals, rank: int) -> Reals:
    """With leading extents of 1, as broadcasting to that rank adds them."""
    return array.reshape((1,) * (rank - array.ndim) + array.shape)
