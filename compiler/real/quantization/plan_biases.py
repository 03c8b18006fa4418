# SPDX-License-Identifier: Apache-2.0
"""Codes for biases that a layer got after the network was planned."""

from dataclasses import replace

import onnx_ir as ir

from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.parameters import QuantizationParameters, bias_parameters
from intaglio.compiler.real.quantization.plan import QuantizationPlan, operand
from intaglio.compiler.real.roles import bias_input


def plan_biases(model: ir.Model, plan: QuantizationPlan) -> QuantizationPlan:
    """The plan, with codes for every constant bias of a layer whose other operands have codes.

    A correction gives a bias to layers that had none. What is planned already stays.

    Args:
        model: a normalized model, its layers corrected.
        plan: of the model before.
    """
    constants = dict(plan.constants)
    for node in model.graph:
        linear = read_linear(node)
        if linear is None or bias_input(node) is None:
            continue
        codes = bias_codes(node, plan, linear.outputs)
        if codes is not None:
            constants[operand(node, 2)] = codes
    return replace(plan, constants=constants)


def bias_codes(
    node: ir.Node, plan: QuantizationPlan, outputs: int
) -> QuantizationParameters | None:
    """How the bias of a layer is coded, or would be if it had one; None where that isn't planned.

    Args:
        node: a Conv, ConvTranspose or Gemm.
        plan: of its network.
        outputs: how many channels it yields.
    """
    source = node.inputs[0]
    planned = plan.constants.get(operand(node, 2))
    data = plan.activations.get("" if source is None else source.name or "")
    weight = plan.constants.get(operand(node, 1))
    if planned is not None or data is None or weight is None:
        return planned
    return bias_parameters(data, weight, outputs // len(weight.scales))
