# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.quantization.insert_quantization import WIDTH_KEY
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.save import save_model
from tests.compiler.real.building import initializer, random, run
from tests.compiler.real.quantizing import error, quantize

NETWORK = """(float[N,2,6,6] x) => (y) {
    c = Conv<pads=[1,1,1,1]>(x, w, b)
    r = Relu(c)
    y = Conv(r, k) }"""
PARTS = {"w": random(1, 3, 2, 3, 3), "b": random(2, 3), "k": random(3, 4, 3, 1, 1)}


@pytest.mark.parametrize("bits", range(2, 17))
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_any_width(tmp_path: Path, bits: int, signed: bool, symmetric: bool) -> None:
    options = QuantizationOptions(
        bits, bits, symmetric_activations=symmetric, signed_activations=signed
    )
    result = quantize(NETWORK, options, **PARTS)
    path = tmp_path / "model.onnx"
    save_model(result.model, path)
    model = load_model(path)
    storage = next(width for width in (4, 8, 16) if width >= bits)
    lowest, highest = options.activations.minimum, options.activations.maximum
    integers = {v.name: v for n in model.graph for v in n.outputs if n.op_type == "QuantizeLinear"}
    assert set(integers) == {"x_quantized", "r_quantized", "y_quantized"}
    for value, width in (
        *((value, max(storage, 8)) for value in integers.values()),
        (model.graph.initializers["w_quantized"], storage),
    ):
        assert value.dtype is not None
        assert value.dtype.bitwidth == width
        assert value.metadata_props.get(WIDTH_KEY) == (None if bits == width else str(bits))
    codes = initializer(model, "w_quantized").astype(int)
    assert np.abs(codes).max() == 2 ** (bits - 1) - 1
    # Far outside the calibrated range the codes saturate at the true width.
    feeds = {"x": 50 * random(9, 2, 2, 6, 6)}
    reals = run(_returning(model, "x_dequantized", "r_dequantized"), feeds, optimize=False)
    for name in ("x", "r"):
        parameters = result.plan.activations[name]
        found = reals[f"{name}_dequantized"] / parameters.scales[0] + parameters.zero_points[0]
        np.testing.assert_allclose(found, np.rint(found), atol=1e-2)
        assert (np.rint(found).min(), np.rint(found).max()) == (
            (lowest, highest) if name == "x" else (parameters.zero_points[0], highest)
        )


def _returning(model: ir.Model, *names: str) -> ir.Model:
    """The model with further values as outputs."""
    copy = model.clone()
    copy.graph.outputs.extend(v for n in copy.graph for v in n.outputs if v.name in names)
    return copy


def test_more_bits_come_closer() -> None:
    errors = [
        error(quantize(NETWORK, QuantizationOptions(b, b), **PARTS)) for b in (4, 6, 8, 12, 16)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 2e-4
