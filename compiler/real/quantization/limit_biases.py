# SPDX-License-Identifier: Apache-2.0
"""Biases that a correction moved past what their codes may hold come back to the end."""

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.editing import Names, name_of
from intaglio.compiler.real.linear import read_linear, write_bias
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.parameters import maximum_bias
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.compiler.real.quantization.plan_biases import bias_codes


def limit_biases(model: ir.Model, plan: QuantizationPlan, bits: int) -> Outcome:
    """Clip each bias to codes of at most ``maximum_bias``, so that a plan made for it still holds.

    A plan raises weight scales for the biases that it knows. A correction comes later and may take
    a bias just past the end; another scale would round the weights anew and undo the correction.

    Args:
        model: a normalized model.
        plan: of this network.
        bits: how many a bias may have.
    """
    model = model.clone()
    names = Names(model.graph)
    notes: list[Note] = []
    for node in model.graph:
        linear, source = read_linear(node), node.inputs[0]
        data = plan.activations.get("" if source is None else source.name or "")
        codes = None if linear is None else bias_codes(node, plan, linear.outputs)
        if linear is None or data is None or codes is None:
            continue
        largest = maximum_bias(data, bits)
        limited = codes.dequantize(np.clip(codes.quantize(linear.bias), -largest, largest))
        off = np.where(np.abs(codes.quantize(linear.bias)) > largest, linear.bias - limited, 0.0)
        channels = int(np.count_nonzero(off))
        if channels:
            write_bias(model.graph, names, node, np.where(off == 0.0, linear.bias, limited))
            figures = {"channels": float(channels), "largest": float(np.abs(off).max())}
            notes.append(Note(name_of(node), f"bias cut off at the code {largest}", figures))
    total = sum(int(note.figures["channels"]) for note in notes)
    return Outcome(model, total, f"{total} biases cut off at {bits} bits", tuple(notes))
