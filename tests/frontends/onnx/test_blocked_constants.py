# SPDX-License-Identifier: Apache-2.0
"""Weights with a scale for each block of a sum: the runtime's own values, in every engine."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator import compiled
from tests.frontends.onnx.comparing import run_unoptimized, same_as_runtime
from tests.frontends.onnx.qdq_models import Array, QdqModel
from tests.simulator.engines import assert_engines_agree


def product(codes: Array, scales: Array, zeros: Array, axis: int, size: int) -> QdqModel:
    """Dequantized activations by weights in blocks, quantized."""
    model = QdqModel()
    x = model.qdq(model.float_input("x", (5, codes.shape[0])), 2.0**-4, 131)
    stored = [model.array(*each) for each in (("w", codes), ("ws", scales), ("wz", zeros))]
    weights = model.node("DequantizeLinear", stored, "w_dq", axis=axis, block_size=size)
    model.output(model.qdq(model.node("MatMul", [x, weights], "y"), 2.0**-2, 117))
    return model


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, ml_dtypes.int4])
def test_blocks_along_either_axis_of_a_sum(dtype: Any, axis: int) -> None:
    rng = np.random.default_rng(axis)
    codes, zeros = rng.integers(0, 8, (12, 8)), rng.integers(0, 7, (3, 8) if axis == 0 else (12, 2))
    # Powers of two: the runtime's sums in float32 are exact, whatever their order.
    scales = (2.0 ** rng.integers(-6, -2, zeros.shape)).astype(np.float32)
    model = product(codes.astype(dtype), scales, zeros.astype(dtype), axis, 4)
    feeds = {"x": rng.normal(size=(5, 12)).astype(np.float32)}
    graph = select_arithmetic(same_as_runtime(model, feeds), load_profile("onnx-spec"))
    (expected,) = run_unoptimized(model, feeds)
    found = assert_engines_agree(graph, feeds)[graph.outputs[0]]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(compiled.run(graph, feeds)[graph.outputs[0]], expected)


def test_any_scales_give_exactly_the_float32_that_they_stand_for() -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(-8, 8, (12, 8)).astype(np.int8)
    scales = rng.uniform(0.01, 0.1, (3, 8)).astype(np.float32)
    model = product(codes, scales, np.zeros((3, 8), np.int8), 0, 4)
    weights = import_onnx(model.model(), "small").constants[0]
    reals = codes * np.repeat(scales, 4, axis=0)
    found = weights.array.astype(np.float64) * weights.type.scaled.scale.value
    assert weights.type.integer.bits > 24
    np.testing.assert_array_equal(found, reals.astype(np.float64))


def test_scales_that_are_too_far_apart_are_refused() -> None:
    codes = np.ones((8, 2), np.int8)
    scales = np.array([[1.0, 1.0], [2.0**-60, 1.0]], np.float32)
    model = product(codes, scales, np.zeros((2, 2), np.int8), 0, 4)
    with pytest.raises(UnsupportedModel, match="would have 62 bits; at most 36 are expected"):
        import_onnx(model.model(), "small")
