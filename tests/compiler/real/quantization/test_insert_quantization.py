# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.real.onnx_runtime import to_proto
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from tests.compiler.real.building import initializer, ops, parse, random, random_feeds
from tests.compiler.real.quantizing import W8A8, error, fused_ops, quantize

CONVOLUTION = """(float[N,2,6,6] x) => (y) {
    c = Conv<pads=[1,1,1,1]>(x, w, b)
    y = Relu(c) }"""
WEIGHTS = {"w": random(1, 3, 2, 3, 3), "b": random(2, 3)}


def test_convolution_with_relu(tmp_path: Path) -> None:
    result = quantize(CONVOLUTION, **WEIGHTS)
    assert sorted(ops(result.model)) == sorted(
        ["QuantizeLinear", "DequantizeLinear"] * 2 + ["DequantizeLinear"] * 2 + ["Conv", "Relu"]
    )
    assert fused_ops(result, tmp_path) == ["DequantizeLinear", "QLinearConv", "QuantizeLinear"]
    assert [v.name for v in result.model.graph.outputs] == ["y"]
    assert result.plan.activations["y"].zero_points == (0,)
    assert error(result) < 0.02


def test_stored_codes_follow_from_the_weights() -> None:
    result = quantize(CONVOLUTION, **WEIGHTS)
    model = result.model
    scale = np.abs(WEIGHTS["w"]).max(axis=(1, 2, 3)) / np.float32(127)
    np.testing.assert_allclose(initializer(model, "w_scale"), scale, rtol=2e-7)
    stored = initializer(model, "w_scale").reshape(3, 1, 1, 1)
    codes = initializer(model, "w_quantized")
    assert codes.dtype == np.int8
    np.testing.assert_array_equal(codes, np.rint(WEIGHTS["w"].astype(np.float64) / stored))
    assert np.abs(codes.astype(int)).reshape(3, -1).max(axis=1).tolist() == [127] * 3
    bias_scale = initializer(model, "x_scale") * initializer(model, "w_scale")
    np.testing.assert_array_equal(initializer(model, "b_scale"), bias_scale)
    np.testing.assert_array_equal(
        initializer(model, "b_quantized"),
        np.rint(WEIGHTS["b"].astype(np.float64) / bias_scale.astype(np.float64)),
    )
    assert initializer(model, "b_quantized").dtype == np.int32


@pytest.mark.parametrize("six", [6.0, 1.0, 0.3])
def test_convolution_with_clip_is_fused(tmp_path: Path, six: float) -> None:
    result = quantize(
        CONVOLUTION.replace("Relu(c)", "Clip(c, zero, six)"),
        **WEIGHTS,
        zero=np.array(0, dtype=np.float32),
        six=np.array(six, dtype=np.float32),
    )
    assert fused_ops(result, tmp_path) == ["DequantizeLinear", "QLinearConv", "QuantizeLinear"]


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(
    ("node", "shape", "expected"),
    [
        ("Gemm<transB=1>(x, w, b)", (3, 4), "QGemm"),
        ("Gemm(x, w, b)", (4, 3), "QGemm"),
        ("Gemm(x, w)", (4, 3), "QGemm"),
        ("MatMul(t, w)", (4, 3), "QLinearMatMul"),
    ],
)
def test_products_are_fused(
    tmp_path: Path,
    node: str,
    shape: tuple[int, int],
    expected: str,
    per_channel: bool,
) -> None:
    options = QuantizationOptions(per_channel=per_channel)
    text = f"(float[N,4] x) => (y) {{ t = Unsqueeze(x, zero)  y = {node} }}"
    result = quantize(text, options, w=random(1, *shape), b=random(2, 3), zero=np.array([0]))
    assert expected in fused_ops(result, tmp_path)
    assert error(result) < 0.02


def test_per_tensor_weights_have_one_scale() -> None:
    result = quantize(CONVOLUTION, QuantizationOptions(per_channel=False), **WEIGHTS)
    assert initializer(result.model, "w_scale").shape == ()
    assert initializer(result.model, "b_scale").shape == ()


def test_affine_weights() -> None:
    result = quantize(CONVOLUTION, QuantizationOptions(symmetric_weights=False), **WEIGHTS)
    codes = initializer(result.model, "w_quantized")
    assert codes.dtype == np.uint8
    assert (codes.reshape(3, -1).min(axis=1) == 0).all()
    assert (codes.reshape(3, -1).max(axis=1) == 255).all()
    assert error(result) < 0.02


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution(groups: int, per_channel: bool) -> None:
    result = quantize(
        f"""(float[N,4,5,5] x) => (y) {{
            y = ConvTranspose<group={groups}, strides=[2,2]>(x, w, b) }}""",
        QuantizationOptions(per_channel=per_channel),
        w=random(1, 4, 3, 2, 2) * np.array([1, 10, 100], dtype=np.float32).reshape(1, 3, 1, 1),
        b=random(2, 3 * groups),
    )
    assert initializer(result.model, "w_scale").shape == ((3,) if per_channel else ())
    assert initializer(result.model, "b_scale").shape == ((3 * groups,) if per_channel else ())
    assert error(result) < 0.02


def test_depthwise_convolution_of_unequal_channels() -> None:
    factor = np.array([1, 100, 0.01, 0], dtype=np.float32).reshape(4, 1, 1, 1)
    result = quantize(
        "(float[N,4,6,6] x) => (y) { y = Conv<group=4>(x, w) }", w=random(1, 4, 1, 3, 3) * factor
    )
    assert len(set(initializer(result.model, "w_scale").tolist())) == 3
    assert error(result) < 0.02


def test_a_dead_channel_with_a_large_bias_keeps_the_bias() -> None:
    weight = random(1, 3, 2, 3, 3)
    weight[1] *= np.float32(1e-12)
    bias = np.array([0.5, 3.0, -0.5], dtype=np.float32)
    result = quantize("(float[N,2,6,6] x) => (y) { y = Conv(x, w, b) }", w=weight, b=bias)
    codes = initializer(result.model, "b_quantized").astype(np.float64)
    back = codes * initializer(result.model, "b_scale").astype(np.float64)
    np.testing.assert_allclose(back, bias, atol=1e-3)
    assert np.abs(codes).max() <= 2**30


def test_shared_weights_are_stored_once() -> None:
    result = quantize(
        """(float[N,2,6,6] x) => (y, z) {
            a = Conv<pads=[1,1,1,1]>(x, w, b)
            r = Relu(x)
            y = Conv<pads=[1,1,1,1]>(r, w, b)
            z = Add(a, y) }""",
        w=random(1, 2, 2, 3, 3), b=random(2, 2),
    )  # fmt: skip
    stored = [name for name in result.model.graph.initializers if name.startswith("w_quantized")]
    biases = [name for name in result.model.graph.initializers if name.startswith("b_quantized")]
    assert (len(stored), len(biases)) == (1, 2)
    assert error(result) < 0.05


def test_a_value_with_many_readers_is_quantized_once() -> None:
    result = quantize(
        """(float[N,2,6,6] x) => (c, y, z) {
            c = Conv<pads=[1,1,1,1]>(x, w)
            y = Relu(c)
            s = Sigmoid(c)
            z = Mul(c, s) }""",
        w=random(1, 2, 2, 3, 3),
    )
    assert ops(result.model).count("QuantizeLinear") == 5
    assert [value.name for value in result.model.graph.outputs] == ["c", "y", "z"]
    assert error(result) < 0.03


def test_residual_block_is_fused(tmp_path: Path) -> None:
    result = quantize(
        """(float[N,2,6,6] x) => (y) {
            a = Conv<pads=[1,1,1,1]>(x, w)
            s = Add(a, x)
            r = Relu(s)
            g = GlobalAveragePool(r)
            f = Flatten(g)
            y = Gemm(f, k, b) }""",
        w=random(1, 2, 2, 3, 3), k=random(3, 2, 5), b=random(4, 5),
    )  # fmt: skip
    assert fused_ops(result, tmp_path) == sorted(
        "QuantizeLinear QLinearConv QLinearAdd QLinearGlobalAveragePool Flatten QGemm "
        "DequantizeLinear".split()
    )
    assert error(result) < 0.05


@pytest.mark.parametrize(
    "node",
    [
        "MaxPool<kernel_shape=[2,2]>(r)",
        "Transpose<perm=[0,2,3,1]>(r)",
        "Reshape(r, shape)",
        "Slice(r, one, three, axis)",
        "Pad(r, pads)",
        "Concat<axis=1>(r, x, r)",
        'Resize<mode="nearest">(r, , factors)',
        "Unsqueeze(r, axis)",
    ],
)
def test_moves_keep_codes(node: str) -> None:
    result = quantize(
        f"(float[N,2,6,6] x) => (y) {{ r = LeakyRelu(x)  y = {node} }}",
        shape=np.array([0, -1]),
        one=np.array([1]),
        three=np.array([3]),
        axis=np.array([2]),
        pads=np.array([0, 0, 1, 1, 0, 0, 0, 0]),
        factors=np.array([1, 1, 2, 2], dtype=np.float32),
    )
    assert result.plan.activations["r"] == result.plan.activations["y"]


def test_a_cap_for_each_channel_is_exact_on_codes() -> None:
    text = "(float[N,3,4,4] x) => (y) { c = Conv(x, w)  r = Relu(c)  y = Min(r, cap) }"
    cap = np.array([0.5, 1.0, 2.0], dtype=np.float32).reshape(1, 3, 1, 1)
    result = quantize(text, w=3 * random(1, 3, 3, 1, 1), cap=cap)
    assert result.plan.activations["y"] == result.plan.activations["r"]
    assert result.plan.activations["y"].scales[0] == pytest.approx(2.0 / 255, rel=1e-3)
    stored = next(n for n in result.model.graph.initializers if n.startswith("cap_quantized"))
    np.testing.assert_array_equal(
        initializer(result.model, stored).reshape(-1),
        result.plan.activations["y"].quantize(cap.astype(np.float64)).reshape(-1),
    )
    assert error(result) < 0.05


UNARY = ["LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Gelu", "Softmax", "Relu"]


@pytest.mark.parametrize("op", UNARY)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_unary_operations(op: str, signed: bool, symmetric: bool) -> None:
    options = QuantizationOptions(signed_activations=signed, symmetric_activations=symmetric)
    result = quantize(f"(float[N,16] x) => (y) {{ y = {op}(x) }}", options)
    assert error(result) < (0.03 if symmetric else 0.02)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Min", "Max"])
def test_binary_operations(op: str) -> None:
    computed = quantize(f"(float[N,16] x, float[N,16] z) => (y) {{ y = {op}(x, z) }}")
    stored = quantize(f"(float[N,16] x) => (y) {{ y = {op}(k, x) }}", k=random(3, 16))
    assert error(computed) < 0.02
    assert error(stored) < 0.02


def test_other_operations() -> None:
    result = quantize(
        """(float[N,6,4] x) => (y, z) {
            p = PRelu(x, slope)
            m = MatMul(p, w)
            t = Transpose<perm=[0,2,1]>(p)
            q = MatMul(p, t)
            y = ReduceMean<keepdims=0>(m, axes)
            s = Softmax(q)
            a, b = Split<axis=1, num_outputs=2>(s)
            z = Mul(a, b) }""",
        slope=np.array(0.1, dtype=np.float32), w=random(1, 4, 5), axes=np.array([1]),
    )  # fmt: skip
    assert initializer(result.model, "w_scale").shape == (5,)
    assert error(result) < 0.05


def test_the_given_model_stays() -> None:
    model = parse(CONVOLUTION, **WEIGHTS)
    before = to_proto(model).SerializeToString(deterministic=True)
    quantize_minmax(model, [random_feeds(model)], W8A8)
    assert to_proto(model).SerializeToString(deterministic=True) == before


def test_names_that_are_taken_get_a_number() -> None:
    text = """(float[N,2,6,6] x) => (y) {
        [x_QuantizeLinear] c = Conv(x, w)
        y = Conv(c, w_scale) }"""
    result = quantize(text, w=random(1, 3, 2, 3, 3), w_scale=random(2, 4, 3, 1, 1))
    assert error(result) < 0.05


def test_a_lone_normalization_keeps_the_width_of_every_channel() -> None:
    gamma = np.array([1e-3, -1.0, 1e3], dtype=np.float32)
    result = quantize(
        "(float[N,3] x) => (y) { y = BatchNormalization(x, g, b, m, v) }",
        g=gamma, b=random(2, 3), m=random(3, 3), v=np.ones(3, dtype=np.float32),
    )  # fmt: skip
    assert initializer(result.model, "y_weight_quantized").ravel().tolist() == [127, -127, 127]
