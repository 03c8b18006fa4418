# SPDX-License-Identifier: Apache-2.0
"""Networks as other exporters leave them: BatchNormalization folded into weights, no word of it."""

from pathlib import Path

import onnx_ir as ir

from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.save import save_model


def folded_network(model: ir.Model) -> ir.Model:
    """The same function without BatchNormalization, and without notes of what it kept.

    Args:
        model: a float model; it stays as it is.
    """
    folded = normalize(model)
    for node in folded.graph:
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    return folded


def write_folded_network(source: Path, target: Path) -> None:
    """Write the folded network of a file as a file."""
    save_model(folded_network(load_model(source)), target)
