# SPDX-License-Identifier: Apache-2.0
"""Brevitas's post-training flow: equalization over regions, calibration, bias correction.

The steps, their order and their settings are the defaults of its ImageNet example, whose functions
are called here: ReLU6 becomes ReLU, 20 sweeps of equalization that count biases, activations at the
99.999th percentile, weights symmetric, biases int32, scales float.
"""

import warnings
from importlib.metadata import version

import numpy as np
import torch
from runs import serve
from torch_network import torch_network

warnings.filterwarnings("ignore")

from brevitas.graph.quantize import preprocess_for_quantize  # noqa: E402
from brevitas_examples.imagenet_classification.ptq.ptq_common import (  # noqa: E402
    apply_bias_correction,
    calibrate,
    quantize_model,
)

BATCH = 20


def prepare(request, run, calibration):
    """Equalize, quantize, calibrate, correct."""
    torch.manual_seed(0)
    network = preprocess_for_quantize(
        torch_network(request["model"]),
        equalize_iters=20 if run["equalize"] else 0,
    )
    if run["weights"] == "float":
        return lambda images: evaluated(network, images)
    batches = [
        (torch.from_numpy(calibration[first : first + BATCH]), None)
        for first in range(0, len(calibration), BATCH)
    ]
    network = quantize_model(
        network,
        backend="fx",
        weight_bit_width=8,
        act_bit_width=8,
        bias_bit_width=32,
        weight_quant_granularity=run["weights"].replace("-", "_"),
        act_quant_percentile=99.999,
        act_quant_type="sym",
        scale_factor_type="float_scale",
        quant_format="int",
    )
    network.eval()
    evaluated(network, calibration[:BATCH])
    calibrate(batches, network)
    apply_bias_correction(batches, network)
    return lambda images: evaluated(network, images)


def evaluated(network, images):
    """The network's outputs."""
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(images)))


if __name__ == "__main__":
    serve(f"Brevitas {version('brevitas')}", prepare)
