# SPDX-License-Identifier: Apache-2.0
"""The quantized side of bias correction in exact integers: the network as a machine computes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.commands.batches import graph_feeds
from intaglio.commands.models import DEFAULT_PROFILE
from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult
from intaglio.compiler.real.layer_by_layer.quantized_side import Visit
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator.vectorized import one_blas_thread
from intaglio.simulator.vectorized.walk import walk

Reals = NDArray[np.float64]
_Sum = fixed.Conv2d | fixed.ConvTranspose2d | fixed.MatMul
_Contraction = scaled.Conv2d | scaled.ConvTranspose2d | scaled.FullyConnected | scaled.MatMul


@dataclass(frozen=True, slots=True)
class IntegerSide:
    """A ``QuantizedSide`` in the integer simulator, in the arithmetic of a profile.

    A layer's result is its accumulator times s_x * s_w. What ``visit`` returns is rounded to whole
    steps s_x * s_w and added to the accumulator, which is what the same number in the bias does
    unless the accumulator overflows.

    The whole network runs once, node by node over all samples.

    Attributes:
        profile: a shipped profile's name or the path of a TOML file.
    """

    profile: str = DEFAULT_PROFILE

    def __call__(
        self, model: ir.Model, plan: QuantizationPlan, batches: Sequence[Feeds], visit: Visit
    ) -> None:
        """Run the network that ``plan`` makes of ``model``; it must plan all activations.

        Raises:
            InvalidData: a batch doesn't fit the inputs.
            UnsupportedModel: parts of the model have no integer form in the profile.
        """
        named, layers = _with_names(model)
        counts = [len(next(iter(feeds.values()))) for feeds in batches]
        semantic = import_onnx(
            insert_quantization(named, plan), model.graph.name or "the model", max(counts)
        )
        graph = lower(semantic, load_profile(self.profile))
        shown = _Shown(layers, _steps(semantic), counts, visit)
        with one_blas_thread():
            walk(graph, [graph_feeds(graph, dict(feeds)) for feeds in batches], shown)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Translates between a layer's accumulator and its real numbers.

    Attributes:
        layers: the name of a layer's result, by the name of its node.
        steps: s_x * s_w of each layer, one number or one for each channel, by its node's name.
        counts: how many samples each batch was given with; those that fill it up to the largest
            batch don't count.
        visit: what wants to see the layers.
    """

    layers: Mapping[str, str]
    steps: Mapping[str, Reals]
    counts: Sequence[int]
    visit: Visit

    def __call__(self, node: Node, results: Sequence[Array]) -> NDArray[np.int64] | None:
        """Show an accumulator; the correction in its own steps."""
        if node.source not in self.layers or not isinstance(node.op, _Sum):
            return None
        step = self.steps[node.source]
        used = [array[:count] for array, count in zip(results, self.counts, strict=True)]
        shift = self.visit(self.layers[node.source], LayerResult(used, step))
        return np.rint(shift / step).astype(np.int64)


def _steps(graph: Graph) -> dict[str, Reals]:
    """One step of each accumulator in real numbers; exact, a product of two float32 numbers."""
    found: dict[str, Reals] = {}
    for node in graph.nodes:
        if isinstance(node.op, _Contraction):
            x, weights = (graph.type_of(name).scaled for name in node.operands[:2])
            found[node.source] = np.array([x.scale.value * s.value for s in weights.scales])
    return found


def _with_names(model: ir.Model) -> tuple[ir.Model, dict[str, str]]:
    """A copy whose layers have names of their own, and the result of each by that name."""
    model = model.clone()
    layers: dict[str, str] = {}
    for node in model.graph:
        if read_linear(node) is not None:
            result = node.outputs[0].name or ""
            node.name = f"layer {len(layers)} {result}"
            layers[node.name] = result
    return model, layers
