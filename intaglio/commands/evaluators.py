# SPDX-License-Identifier: Apache-2.0
"""Quantized networks in the integer simulator, for recipes that choose by what is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.commands.batches import graph_feeds
from intaglio.commands.models import DEFAULT_PROFILE
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator.vectorized import Program


@dataclass(frozen=True, slots=True)
class IntegerEvaluator:
    """An ``Evaluator`` that lowers the network and computes every bit as the profile says.

    Attributes:
        profile: a shipped profile's name or the path of a TOML file.
    """

    profile: str = DEFAULT_PROFILE

    def __call__(self, model: ir.Model, batches: Sequence[Feeds]) -> list[dict[str, Array]]:
        """The outputs of each batch.

        Raises:
            InvalidData: a batch doesn't fit the inputs.
            UnsupportedModel: parts of the model have no integer form in the profile.
        """
        counts = [len(next(iter(feeds.values()))) for feeds in batches]
        name = model.graph.name or "the model"
        semantic = import_onnx(model, name, max(counts, default=1))
        graph = lower(semantic, load_profile(self.profile))
        program = Program(graph)
        found: list[dict[str, Array]] = []
        for feeds, count in zip(batches, counts, strict=True):
            results = program.run(graph_feeds(graph, dict(feeds)))
            found.append(
                {
                    source: np.asarray(results[output])[:count]
                    for source, output in zip(graph.output_sources, graph.outputs, strict=True)
                }
            )
        return found
