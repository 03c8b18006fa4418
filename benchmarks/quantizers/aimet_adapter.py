# SPDX-License-Identifier: Apache-2.0
"""AIMET's quantization simulation of ONNX models, with and without its cross-layer equalization.

Its own configurations for weights per tensor and per channel: activations uint8, weights symmetric
int8, biases float.
"""

import logging
from importlib.metadata import version
from pathlib import Path

import aimet_onnx
import numpy as np
import onnx
import onnxruntime as ort
from aimet_onnx.batch_norm_fold import fold_all_batch_norms_to_weight
from aimet_onnx.cross_layer_equalization import equalize_model
from aimet_onnx.quantsim import QuantizationSimModel
from runs import serve

CONFIGURATIONS = Path(aimet_onnx.__file__).parent / "common" / "quantsim_config"
CONFIGURATION = {
    "per-tensor": "default_config.json",
    "per-channel": "default_config_per_channel.json",
}
SCHEME = {"min-max": "min_max", "tf-enhanced": "tf_enhanced"}


def prepare(request, run, calibration):
    """Fold or equalize, quantize, observe the calibration images."""
    model = onnx.load(request["model"])
    say_more(model.graph)
    if run["equalize"]:
        equalize_model(model)
    else:
        fold_all_batch_norms_to_weight(model)
    name = model.graph.input[0].name
    if run["weights"] == "float":
        session = ort.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return lambda images: session.run(None, {name: images})[0]
    simulation = QuantizationSimModel(
        model,
        param_type="int8",
        activation_type="int8",
        quant_scheme=SCHEME[run["method"]],
        config_file=str(CONFIGURATIONS / CONFIGURATION[run["weights"]]),
        dummy_input={name: calibration[:1]},
    )
    simulation.compute_encodings([{name: calibration[i : i + 1]} for i in range(len(calibration))])
    return lambda images: simulation.session.run(None, {name: images})[0]


def say_more(graph):
    """Rewrite what its equalization overlooks, without a change of meaning.

    It sees a ReLU6 where Clip's bounds are Constant nodes, not initializers, and convolutions
    where ``group`` is written down.
    """
    bounds = {name for node in graph.node if node.op_type == "Clip" for name in node.input[1:]}
    for constant in [each for each in graph.initializer if each.name in bounds]:
        graph.initializer.remove(constant)
        node = onnx.helper.make_node("Constant", [], [constant.name], value=constant)
        graph.node.insert(0, node)
    for node in graph.node:
        if node.op_type == "Conv" and "group" not in {each.name for each in node.attribute}:
            node.attribute.append(onnx.helper.make_attribute("group", 1))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    np.random.seed(0)
    serve(f"AIMET {version('aimet-onnx')}", prepare)
