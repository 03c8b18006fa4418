# SPDX-License-Identifier: Apache-2.0
"""Means, softmax, and BatchNormalization with the statistics that it holds."""

from functools import partial

import numpy as np
import onnx_ir as ir
import torch

from intaglio.compiler.real.editing import float_attribute, int_attribute
from intaglio.compiler.synthesis.operators.activations import identity
from intaglio.compiler.synthesis.operators.operation import (
    Builder,
    Operation,
    Refusal,
    float32,
    operand,
    stored,
    stored_integers,
)


def batch_normalization(node: ir.Node) -> Operation:
    """Scale * (x - mean) / sqrt(var + epsilon) + bias, along axis 1, as factor * x + offset.

    Source: ONNX operator BatchNormalization-15 (training_mode 0).
    """
    if int_attribute(node, "training_mode", 0) or len(node.outputs) > 1:
        raise Refusal("it is in training mode")
    vectors = [stored(node, index) for index in (1, 2, 3, 4)]
    scale, bias, mean, variance = (v.astype(np.float64) for v in vectors if v is not None)
    factor = scale / np.sqrt(variance + float_attribute(node, "epsilon", 1e-5))
    return Operation(_scale, (operand(node, 0), float32(factor), float32(bias - factor * mean)))


def _scale(x: torch.Tensor, factor: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    shape = (-1, *[1] * (x.ndim - 2))
    return torch.addcmul(offset.reshape(shape), x, factor.reshape(shape))


def softmax(node: ir.Node) -> Operation:
    """exp(x) / sum(exp(x)) along an axis.  Source: ONNX operator Softmax-13."""
    return Operation(
        partial(torch.softmax, dim=int_attribute(node, "axis", -1)), (operand(node, 0),)
    )


def global_average_pool(node: ir.Node) -> Operation:
    """The mean over all axes from the third on.  Source: ONNX operator GlobalAveragePool-1."""
    return Operation(_spatial_mean, (operand(node, 0),))


def _spatial_mean(x: torch.Tensor) -> torch.Tensor:
    return x.mean(dim=list(range(2, x.ndim)), keepdim=True)


def reduce_mean(node: ir.Node) -> Operation:
    """The mean over axes; over all if none are given.  Source: ONNX operator ReduceMean-18."""
    axes = stored_integers(node, 1) or []
    if not axes and int_attribute(node, "noop_with_empty_axes", 0):
        return identity(node)
    keep = bool(int_attribute(node, "keepdims", 1))
    return Operation(partial(_mean, axes=axes, keep=keep), (operand(node, 0),))


def _mean(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return x.mean(dim=axes or list(range(x.ndim)), keepdim=keep)


REDUCTIONS: dict[str, Builder] = {
    "BatchNormalization": batch_normalization,
    "GlobalAveragePool": global_average_pool,
    "ReduceMean": reduce_mean,
    "Softmax": softmax,
}
