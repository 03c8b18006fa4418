# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from intaglio.compiler.real.insert_quantization import WIDTH_KEY
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import Session, check, to_proto
from intaglio.compiler.real.onnx_runtime import parse as parse_bytes
from intaglio.compiler.real.options import QuantizationOptions
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.compiler.recipes.result import QuantizedResult
from tests.compiler.real.building import (
    Array,
    initializer,
    ops,
    parse,
    random,
    random_feeds,
    run,
)

W8A8 = QuantizationOptions()


def quantize(
    text: str, options: QuantizationOptions = W8A8, /, **constants: Array
) -> QuantizedResult:
    """Quantize with a little random calibration; the result is valid and runs."""
    model = parse(text, **constants)
    result = quantize_minmax(model, [random_feeds(model, seed, 8) for seed in (0, 1)], options)
    check(to_proto(result.model), shapes=True)
    assert_every_operand_is_quantized(result)
    run(result.model, random_feeds(model, 5))
    return result


def assert_every_operand_is_quantized(result: QuantizedResult) -> None:
    """Each float operation reads dequantized codes, or what a clamp follows."""
    for node in result.model.graph:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear", "Clip", "Relu"):
            continue
        value = node.inputs[0]
        assert value is not None
        producer = value.producer()
        assert producer is not None
        assert producer.op_type == "DequantizeLinear", node


def fused_ops(result: QuantizedResult, folder: Path) -> list[str]:
    """The ops that ONNX Runtime really runs."""
    path = folder / "optimized.onnx"
    Session(result.model, threads=1, optimized_path=path)
    return sorted(node.op_type for node in parse_bytes(path.read_bytes()).graph.node)


def error(result: QuantizedResult, seed: int = 0) -> float:
    """The largest difference from the float model on calibration data, relative to the span."""
    feeds = random_feeds(result.normalized, seed, 8)
    expected, found = run(result.normalized, feeds), run(result.model, feeds, optimize=False)
    return max(
        float(np.abs(expected[name] - found[name]).max() / np.ptp(expected[name]))
        for name in expected
    )


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


NETWORK = """(float[N,2,6,6] x) => (y) {
    c = Conv<pads=[1,1,1,1]>(x, w, b)
    r = Relu(c)
    y = Conv(r, k) }"""
PARTS = {**WEIGHTS, "k": random(3, 4, 3, 1, 1)}


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


def test_the_given_model_stays() -> None:
    model = parse(NETWORK, **PARTS)
    before = to_proto(model).SerializeToString(deterministic=True)
    quantize_minmax(model, [random_feeds(model)], W8A8)
    assert to_proto(model).SerializeToString(deterministic=True) == before


def test_names_that_are_taken_get_a_number() -> None:
    text = NETWORK.replace("(r, k)", "(r, w_scale)")
    result = quantize(text, **WEIGHTS, w_scale=PARTS["k"])
    assert error(result) < 0.05
    assert isinstance(to_proto(result.model), onnx.ModelProto)
