# SPDX-License-Identifier: Apache-2.0
"""How each activation is coded, where single layers have widths of their own."""

from dataclasses import replace

import networkx as nx
import onnx_ir as ir

from intaglio.compiler.real.editing import name_of
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.parameters import Encoding
from intaglio.compiler.real.quantization.layer_overrides import override_of
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.ranges.ranges import tied_values
from intaglio.compiler.real.roles import MOVES, SELECTIONS, quantized_values, rounded_result


def activation_encodings(
    model: ir.Model, options: QuantizationOptions
) -> tuple[dict[str, Encoding], tuple[Note, ...]]:
    """The codes of every value that becomes codes, and where a width couldn't be had.

    The width that a layer is given is that of its result, after a clamp that follows.  Values that
    need equal codes (before and after a MaxPool, all that a Concat joins) get the largest width
    that those among them are to have that something computes.

    Args:
        model: a normalized model.
        options: widths, signs, and what layers have otherwise.
    """
    names = [value.name or "" for value in quantized_values(model.graph)]
    wanted, origins = _wanted(model.graph, options), dict[str, ir.Node]()
    for node in model.graph:
        if node.op_type not in MOVES and node.op_type not in SELECTIONS:
            origins[rounded_result(node).name or ""] = node
    computed = {*origins, *(value.name or "" for value in model.graph.inputs)}
    encodings = dict.fromkeys(names, options.activations)
    notes: list[Note] = []
    for tied in nx.connected_components(tied_values(model.graph, unify=options.unify_scales)):
        asked = {name: wanted[name] for name in tied if name in wanted}
        if not asked:
            continue
        others = (tied & computed) - asked.keys()
        bits = max([*asked.values(), *(options.activation_bits for _ in others)])
        encodings.update(dict.fromkeys(tied, replace(options.activations, bits=bits)))
        notes += [
            Note(
                name_of(origins[name]) if name in origins else name,
                f"its result has {bits} bits instead of {less}, as what it shares codes with",
                {"bits": bits},
            )
            for name, less in asked.items()
            if less < bits
        ]
    return encodings, tuple(notes)


def _wanted(graph: ir.Graph, options: QuantizationOptions) -> dict[str, int]:
    """Widths that layers are given, by the value that becomes codes for them."""
    found: dict[str, int] = {}
    for node in graph if options.overrides else ():
        bits = override_of(options.overrides, node).activation_bits
        if bits is not None:
            found[rounded_result(node).name or ""] = bits
    return found
