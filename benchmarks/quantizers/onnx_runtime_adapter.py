# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime's ``quantize_static``; run by our own Python, of which it is a dependency.

BatchNorm is folded by ONNX Runtime's basic optimizations, as its guide asks; ranges are MinMax,
activations uint8, weights symmetric int8, nodes QDQ.
"""

from pathlib import Path

import onnxruntime as ort
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from runs import serve


class Images(CalibrationDataReader):
    """Calibration images, one by one."""

    def __init__(self, name, images):
        """Of the input with this name."""
        self._feeds = ({name: images[index : index + 1]} for index in range(len(images)))

    def get_next(self):
        """The next one, or None."""
        return next(self._feeds, None)


def prepare(request, run, calibration):
    """The float network, or the file that was written."""
    folded, quantized = (Path(request["folder"]) / name for name in ("folded.onnx", "q.onnx"))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    network = session(request["model"], options)
    (given,) = network.get_inputs()
    if run["weights"] != "float":
        network = quantized_network(folded, quantized, given.name, run, calibration)
    return lambda images: network.run(None, {given.name: images})[0]


def quantized_network(folded, quantized, name, run, calibration):
    """Quantize a file into another, and load that."""
    quantize_static(
        folded,
        quantized,
        Images(name, calibration),
        quant_format=QuantFormat.QDQ,
        calibrate_method=CalibrationMethod.MinMax,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=run["weights"] == "per-channel",
    )
    return session(quantized, ort.SessionOptions())


def session(model, options):
    """On this machine's CPU, saying nothing."""
    options.log_severity_level = 4
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    serve(f"ONNX Runtime {ort.__version__}", prepare)
