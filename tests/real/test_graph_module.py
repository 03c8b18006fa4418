# SPDX-License-Identifier: Apache-2.0
"""The real networks as differentiable modules compute what ONNX Runtime does."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch

from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.compiler.synthesis.prepared_model import prepare
from tests.compiler.synthesis.executing import tensors
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

BATCH = 3
OUTPUT_TOLERANCE = 1e-4
# A BatchNormalization of a channel that hardly varied amplifies the rounding of what it reads.
INNER_TOLERANCE = 5e-4


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("form", [prepare, normalize])
def test_every_value_equals_onnx_runtimes(
    name: str, form: Callable[[ir.Model], ir.Model], real_data: Path
) -> None:
    model = NETWORKS[name].load(real_data)
    samples = list(NETWORKS[name].feeds(real_data, model, BATCH))
    feeds = {key: np.concatenate([sample[key] for sample in samples]) for key in samples[0]}
    rewritten = form(model)
    names = [value.name or "" for node in rewritten.graph for value in node.outputs]
    inner = rewritten.clone()
    inner.graph.outputs.clear()
    inner.graph.outputs.extend(value for node in inner.graph for value in node.outputs)
    expected = Session(inner, threads=1, optimize=False).run(feeds)
    expected.update(Session(model, threads=1).run(feeds))
    module = GraphModule(rewritten)
    with torch.no_grad():
        found: dict[str, torch.Tensor] = module(tensors(feeds), names)
    assert set(found) == set(expected)
    for value, array in expected.items():
        error = np.abs(found[value].numpy() - array).max() / np.abs(array).max()
        assert error <= (OUTPUT_TOLERANCE if value in module.output_names else INNER_TOLERANCE)


def test_gradients_reach_the_pixels(real_data: Path) -> None:
    model = NETWORKS["resnet8"].load(real_data)
    module = GraphModule(prepare(model))
    ((name, array),) = next(NETWORKS["resnet8"].feeds(real_data, model, 1)).items()
    pixels = torch.tensor(array, requires_grad=True)
    outputs: dict[str, torch.Tensor] = module({name: pixels})
    (gradient,) = torch.autograd.grad(outputs["output"][0, 3].log(), [pixels])
    step = gradient / gradient.square().sum()
    with torch.no_grad():
        moved: dict[str, torch.Tensor] = module({name: pixels + 1e-2 * step})
        gained = float((moved["output"][0, 3] / outputs["output"][0, 3]).log())
    assert gained == pytest.approx(1e-2, rel=0.1)
