# SPDX-License-Identifier: Apache-2.0
"""Targets that BatchNormalization kept from training, at its inputs."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import describe, float_constant, input_at, name_of
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.targets.target_set import TargetSet, require_layers
from intaglio.errors import InvalidData, UnsupportedModel

Vector = NDArray[np.float64]


def batch_norm_targets(model: ir.Model) -> TargetSet:
    """The running mean and standard deviation of each BatchNormalization, for its input.

    mean = running mean, std = sqrt(running variance): what training saw there. The
    BatchNormalization's own epsilon isn't part of it: where the variance is less than epsilon,
    sqrt(variance + epsilon) is many times the true spread. A distance that smooths the square root
    of measured variances for its gradient smooths these too.

    The input is found by the graph's edges, whatever computes it: convolutions without
    BatchNormalization, or several in another order, don't matter. It may be an input of the graph.
    Several BatchNormalizations of one value have seen the same data: the first counts.

    Source: ZeroQ (Cai et al. 2020), section 3.1; DSG (Zhang et al. 2021), section 3.1.

    Args:
        model: a model on which BatchNormalizations still stand.

    Raises:
        InvalidData: there is no layer with weights, or no BatchNormalization.
        UnsupportedModel: BatchNormalizations whose statistics aren't stored, or are no statistics.
    """
    require_layers(model)
    nodes = [n for n in model.graph if n.op_type == "BatchNormalization" and n.domain == ""]
    if not nodes:
        raise InvalidData(
            model.graph.name or "the model",
            "no BatchNormalization",
            "its running statistics, which --recipe dsg and --recipe zeroq match",
            "choose --recipe gzsq, which estimates statistics from weights",
        )
    problems = [f"{describe(node)}: {why}" for node in nodes if (why := _problem(node))]
    if problems:
        raise UnsupportedModel(
            model.graph.name or "the model", problems, "Export the model for inference"
        )
    targets: dict[ir.Value, LayerTarget] = {}
    notes: list[Note] = []
    for node in nodes:
        value, (mean, variance) = node.inputs[0], _statistics(node)
        assert value is not None
        assert mean is not None
        assert variance is not None
        if value in targets:
            said = f"{value.name} has a BatchNormalization before this one, whose statistics count"
            notes.append(Note(name_of(node), said, {}))
            continue
        targets[value] = LayerTarget(value.name or "", mean, np.sqrt(variance))
    return TargetSet(tuple(targets.values()), tuple(notes))


def _statistics(node: ir.Node) -> tuple[Vector | None, Vector | None]:
    return float_constant(input_at(node, 3)), float_constant(input_at(node, 4))


def _problem(node: ir.Node) -> str | None:
    """Why a BatchNormalization tells nothing, or nothing true."""
    mean, variance = _statistics(node)
    if mean is None or variance is None:
        return "its running statistics are computed by the model instead of stored"
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        return "a running statistic is NaN or infinite"
    if (variance < 0).any():
        return "a running variance is negative"
    return None
