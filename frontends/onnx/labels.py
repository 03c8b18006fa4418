# SPDX-License-Identifier: Apache-2.0
"""What a message calls a node and its op."""

import onnx_ir as ir


def label(node: ir.Node) -> str:
    """How a message calls a node: by its name, or by what it computes where it has none."""
    if node.name:
        return f"node {node.name}"
    return f"the node that computes {node.outputs[0].name}"


def operation(node: ir.Node) -> str:
    """The op of a node, with its domain where that isn't ONNX's own."""
    return f"{node.domain}::{node.op_type}" if node.domain else node.op_type
