# SPDX-License-Identifier: Apache-2.0
"""Small networks, quantized by pt2e as a user would, and what PyTorch itself computes."""

from typing import Any

import numpy as np
import torch
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.testing.pt2e._xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)

from tests.frontends.onnx.qdq_models import Array


def quantized(module: Any, shape: tuple[int, ...], per_channel: bool = True) -> Any:
    """The program of ``module``, calibrated on a few random inputs."""
    generator = torch.Generator().manual_seed(5)
    example = (torch.randn(shape, generator=generator),)
    exported = torch.export.export(module.eval(), example).module()
    configuration = get_symmetric_quantization_config(is_per_channel=per_channel)
    prepared = prepare_pt2e(exported, XNNPACKQuantizer().set_global(configuration))
    for _ in range(4):
        prepared(torch.randn(shape, generator=generator))
    return torch.export.export(convert_pt2e(prepared), example)


def run(program: Any, x: Array) -> Array:
    """PyTorch's own result."""
    with torch.no_grad():
        result: Array = program.module()(torch.from_numpy(x)).numpy()
    return result


def codes_of(program: Any, x: Array) -> dict[str, Array]:
    """The codes of every ``quantize_per_tensor``, by name, as PyTorch computes them."""
    found: dict[str, Array] = {}

    class Recorder(torch.fx.Interpreter):
        def run_node(self, n: Any) -> Any:
            result = super().run_node(n)
            if "quantize_per_tensor" in str(n.target) and result.dtype is not torch.float32:
                found[n.name] = np.asarray(result)
            return result

    with torch.no_grad():
        module = program.module()
        Recorder(module).run(torch.from_numpy(x))
    return found
