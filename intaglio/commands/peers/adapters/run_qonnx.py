# SPDX-License-Identifier: Apache-2.0
"""Run ONNX models with QONNX's nodes, one node at a time."""

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import exchange
import onnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes


def run_job(peer, job, arrays, prefix, runs):
    """Outputs, tensors, and whether a delegate ran."""
    proto = onnx.load_model_from_string(arrays[f"{prefix}.content"].tobytes())
    model = ModelWrapper(proto)
    constants = {constant.name for constant in model.graph.initializer}
    inputs = [given.name for given in model.graph.input if given.name not in constants]
    # An open batch has the extent that is given.
    for name, array in zip(inputs, runs[0] if runs else (), strict=False):
        model.set_tensor_shape(name, list(array.shape))
    model = model.transform(InferShapes())
    names = [result.name for result in model.graph.output]
    computed = dict.fromkeys(name for node in model.graph.node for name in node.output if name)
    outputs, tensors = exchange.Tensors(), exchange.Tensors()
    for feeds in runs:
        found = execute_onnx(
            model, dict(zip(inputs, feeds, strict=True)), return_full_exec_context=True
        )
        outputs.add([(name, -1, found[name]) for name in names])
        every = computed if job["every_tensor"] else ()
        tensors.add([(name, -1, found[name]) for name in every])
    return outputs, tensors, False


if __name__ == "__main__":
    exchange.serve(f"qonnx {version('qonnx')}", run_job)
