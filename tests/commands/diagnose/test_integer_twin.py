# SPDX-License-Identifier: Apache-2.0
"""Showing the codes of every activation changes no bit of what is computed."""

import numpy as np
import pytest

from intaglio.commands.diagnose.integer_twin import IntegerTwin
from intaglio.commands.diagnose.quantized_network import read_quantized
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.commands.diagnose.networks import batches, case, chain_constants


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("single-rounding", QuantizationOptions()),
        ("single-rounding", QuantizationOptions(4, 6)),
        ("tflm", QuantizationOptions(4, 6)),
        ("ort-x86-vnni", QuantizationOptions()),
    ],
)
def test_the_outputs_are_those_of_the_network_as_it_is(
    name: str, options: QuantizationOptions
) -> None:
    model = case(chain_constants(), options).subject.quantized
    profile = load_profile(name)
    graph = lower(import_onnx(model, "small", 1), profile)
    network = read_quantized(model)
    twin = IntegerTwin(network, "small", 1, profile)
    for feeds in batches(3, first=50):
        (expected,) = vectorized.run(graph, {graph.inputs[0].name: feeds["x"]}).values()
        found = twin.run(feeds)
        assert np.array_equal(found["y"], expected)
        for one in network.activations:
            codes, encoding = found[one.codes], one.parameters.encoding
            assert codes.dtype.kind in "iu"
            assert encoding.minimum <= codes.min()
            assert codes.max() <= encoding.maximum
        (last,) = (one for one in network.activations if one.name == "y")
        reals = last.parameters.dequantize(found[last.codes].astype(np.int64))
        assert np.allclose(reals, expected, rtol=1e-6)
        assert found[last.codes].shape == expected.shape
