# SPDX-License-Identifier: Apache-2.0
"""Whether a quantized network's constants are those of a float network, rounded."""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from intaglio.commands.diagnose.alone import float_node
from intaglio.commands.diagnose.quantized_network import Layer, QuantizedNetwork, StoredOperand
from intaglio.compiler.real.editing import float_constant

_CODES = 1
"""Learned rounding takes the code above or below, which may be one off the nearest."""


def foreign_layers(model: ir.Model, network: QuantizedNetwork) -> Iterator[tuple[Layer, str]]:
    """The layers that aren't the float network's own in codes, each with the reason.

    A recipe that equalizes, absorbs or corrects gives layers other weights or biases; the values
    inside such a network stand for other numbers than those of the float network.

    Args:
        model: a normalized float network.
        network: what is said to be quantized from it.
    """
    for layer in network.layers:
        node = float_node(model, layer)
        if node is None:
            yield layer, f"the float network has no {layer.op} of its shape for {layer.output}"
            continue
        for operand in layer.operands:
            reals = float_constant(node.inputs[operand.index])
            if reals is not None and not _rounds_to(reals, operand):
                which = node.inputs[operand.index]
                yield layer, f"its codes aren't those of {'' if which is None else which.name}"
                break


def _rounds_to(
    reals: np.ndarray[tuple[int, ...], np.dtype[np.float64]], operand: StoredOperand
) -> bool:
    difference = operand.parameters.quantize(reals) - operand.codes
    return int(np.abs(difference).max(initial=0)) <= _CODES
