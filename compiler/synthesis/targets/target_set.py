# SPDX-License-Identifier: Apache-2.0
"""The targets of a network, and how the model is seen while they are looked for."""

from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from intaglio.compiler.real.editing import all_values, describe
from intaglio.compiler.real.load import infer_shapes
from intaglio.compiler.real.normalization.fold_batch_normalization import fold_batch_normalization
from intaglio.compiler.real.normalization.normalize_products import normalize_products
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.errors import InvalidData, UnsupportedModel

LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True, slots=True)
class TargetSet:
    """What values of a model should look like, in the order of the network.

    Attributes:
        targets: one for each value, none twice.
        notes: what was decided where the method leaves it open.
    """

    targets: tuple[LayerTarget, ...]
    notes: tuple[Note, ...] = ()


def require_layers(model: ir.Model) -> None:
    """Nothing can be synthesized for a network without weights.

    Raises:
        InvalidData: no convolution or matrix product is in the model.
    """
    if not any(node.op_type in LINEAR and node.domain == "" for node in model.graph):
        raise InvalidData(
            model.graph.name or "the model",
            "no convolution or matrix product",
            "at least one, whose weights tell what its inputs look like",
            "give data with --calibration and a recipe that takes ranges from it (minmax)",
        )


def with_folded_weights(model: ir.Model) -> ir.Model:
    """The model whose linear layers have the weights that BatchNormalization makes of them.

    A layer's output has the name of what was the BatchNormalization's, so that its target names a
    value of the given model too.

    Raises:
        UnsupportedModel: a BatchNormalization that can't be folded.
    """
    return infer_shapes(fold_batch_normalization(normalize_products(model)))


def layer_outputs(folded: ir.Model, model: ir.Model) -> Iterator[tuple[ir.Node, ir.Value]]:
    """Linear layers and their outputs, as far as the outputs are values of ``model`` too.

    Args:
        folded: what ``with_folded_weights`` makes of the model.
        model: the model.
    """
    known = {value.name for value in all_values(model.graph)}
    for node in folded.graph:
        value = node.outputs[0]
        if node.op_type in LINEAR and node.domain == "" and value.name in known:
            yield node, value


def refuse(model: ir.Model, problems: list[tuple[ir.Node, str]], method: str) -> None:
    """Name every layer whose statistics can't be estimated.

    Args:
        model: the model.
        problems: nodes, and why nothing is known of what they compute.
        method: what looked for targets, in words.

    Raises:
        UnsupportedModel: there are problems.
    """
    if not problems:
        return
    lines = [f"{describe(node)}: {method} can't estimate it: {reason}" for node, reason in problems]
    normalized = any(node.op_type == "BatchNormalization" for node in model.graph)
    without = "--recipe leaves, which estimates nothing"
    instead = "--recipe dsg, which takes targets from BatchNormalization" if normalized else without
    raise UnsupportedModel(
        model.graph.name or "the model",
        lines,
        f"Choose {instead}, or --recipe guideline with --calibration DATA",
    )
