# SPDX-License-Identifier: Apache-2.0
"""Files of opsets 7 to 12: what ``load_model`` makes of them computes what the files compute."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper, numpy_helper

from intaglio.compiler.real.load import load_model
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import Array, run

FEEDS: dict[str, Array] = {
    "x": np.random.default_rng(2).integers(-20, 20, (1, 2, 5, 6)).astype(np.float32) / 8
}

CONSTANTS: dict[str, Array] = {
    "kernel": np.arange(-18, 18, dtype=np.float32).reshape(2, 2, 3, 3) / 4,
    "matrix": np.arange(180, dtype=np.float32).reshape(60, 3) % 7 / 8,
    "row": np.array([1, -2, 3], np.float32),
    "pair": np.array([1, 2], np.float32),
    "slopes": np.array([0.25, 0.5], np.float32).reshape(2, 1, 1),
    "low": np.array(-0.5, np.float32),
    "high": np.array(0.75, np.float32),
    "no_roi": np.zeros(0, np.float32),
    "doubled": np.array([1, 1, 2, 2], np.float32),
    "enlarged": np.array([1, 1, 1.5, 2.5], np.float32),
    "halved": np.array([1, 1, 0.5, 0.5], np.float32),
    "shrunk": np.array([1, 1, 0.625, 0.75], np.float32),
    "mixed": np.array([1, 1, 0.625, 2], np.float32),
    "scale": np.array(0.0625, np.float32),
    "zero_point": np.array(100, np.uint8),
    "starts": np.array([-1, 1], np.int64),
    "ends": np.array([-10, 5], np.int64),
    "axes": np.array([2, -1], np.int64),
    "steps": np.array([-2, 3], np.int64),
    "pads": np.array([0, 0, 1, 2, 0, 0, 2, 0], np.int64),
    "new_shape": np.array([0, -1], np.int64),
}

EVERY = range(7, 13)
TO_8, TO_9, TO_10 = range(7, 9), range(7, 10), range(7, 11)
ONLY_9, ONLY_10 = range(9, 10), range(10, 11)
FROM_8, FROM_10, FROM_11 = range(8, 13), range(10, 13), range(11, 13)

# Sums and quotients here are exact in float32, so that a kernel's order of summation can't show.
CASES: list[tuple[range, str]] = [
    (EVERY, "y = Conv<pads=[1,1,1,1], strides=[2,2]>(x, kernel)"),
    (EVERY, "y = ConvTranspose<strides=[2,2], output_padding=[1,1]>(x, kernel)"),
    (EVERY, "y = BatchNormalization(x, pair, pair, pair, pair)"),
    (EVERY, "f = Flatten(x) y = Gemm(f, matrix, row)"),
    (EVERY, "f = Flatten(x) y = MatMul(f, matrix)"),
    (EVERY, "y = Flatten<axis=2>(x)"),
    (EVERY, "y = Reshape(x, new_shape)"),
    (EVERY, "y = Transpose<perm=[0,2,3,1]>(x)"),
    (EVERY, "u = Unsqueeze<axes=[0,4]>(x) y = Squeeze<axes=[0,4]>(u)"),
    (FROM_11, "u = Unsqueeze<axes=[0,-1]>(x) y = Squeeze<axes=[0,-1]>(u)"),
    (EVERY, "a, b = Split<axis=2, split=[1,4]>(x) y = Concat<axis=2>(b, a)"),
    (EVERY, "a, b = Split<axis=1>(x) y = Concat<axis=1>(b, a)"),
    (TO_9, "y = Slice<starts=[1,0], ends=[3,-1], axes=[2,3]>(x)"),
    (FROM_10, "y = Slice(x, starts, ends, axes, steps)"),
    (TO_10, "y = Pad<pads=[0,0,1,2,0,0,2,0], value=1.0>(x)"),
    (TO_10, 'y = Pad<pads=[0,0,1,2,0,0,2,0], mode="reflect">(x)'),
    (FROM_11, "y = Pad(x, pads, high)"),
    (TO_10, "y = Clip<min=-0.5, max=0.75>(x)"),
    (TO_10, "y = Clip<max=0.75>(x)"),
    (EVERY, "y = Clip(x)"),
    (FROM_11, "y = Clip(x, low, high)"),
    (FROM_11, "y = Clip(x, , high)"),
    (EVERY, "y = Relu(x)"),
    (EVERY, "y = LeakyRelu<alpha=0.125>(x)"),
    (EVERY, "y = PRelu(x, slopes)"),
    (EVERY, "y = Sigmoid(x)"),
    (EVERY, "y = HardSigmoid(x)"),
    (EVERY, "y = Tanh(x)"),
    (EVERY, "y = Softmax(x)"),
    (EVERY, "y = Softmax<axis=2>(x)"),
    (EVERY, "y = Softmax<axis=3>(x)"),
    (FROM_11, "y = Softmax<axis=-1>(x)"),
    (EVERY, "y = Add(x, slopes)"),
    (EVERY, "y = Sub(slopes, x)"),
    (EVERY, "y = Mul(x, slopes)"),
    (FROM_8, "y = Max(x, slopes)"),
    (FROM_8, "y = Min(x, slopes)"),
    (EVERY, "y = Dropout(x)"),
    (EVERY, "y = ReduceMean<axes=[1], keepdims=0>(x)"),
    (EVERY, "y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)"),
    (FROM_10, "y = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)"),
    (FROM_10, "y = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(x)"),
    (EVERY, "y = AveragePool<kernel_shape=[2,2], pads=[1,1,1,1]>(x)"),
    (EVERY, "y = AveragePool<kernel_shape=[2,2], pads=[1,1,1,1], count_include_pad=1>(x)"),
    (EVERY, 'y = AveragePool<kernel_shape=[2,2], strides=[2,2], auto_pad="SAME_LOWER">(x)'),
    (FROM_10, "y = AveragePool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(x)"),
    (
        FROM_10,
        "y = AveragePool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1, count_include_pad=1>(x)",
    ),
    (EVERY, "m = MaxPool<kernel_shape=[2,3]>(x) y = GlobalAveragePool(m)"),
    (FROM_10, "q = QuantizeLinear(x, scale, zero_point) y = DequantizeLinear(q,scale,zero_point)"),
    (TO_8, 'y = Upsample<mode="nearest", scales=[1.0,1.0,2.0,3.0]>(x)'),
    (TO_8, 'y = Upsample<mode="linear", scales=[1.0,1.0,2.0,1.5]>(x)'),
    (ONLY_9, 'y = Upsample<mode="nearest">(x, enlarged)'),
    (ONLY_9, 'y = Upsample<mode="linear">(x, doubled)'),
    (ONLY_9, 'y = Upsample<mode="linear">(x, enlarged)'),
    (ONLY_9, "two = Mul(halved, mixed) s = Max(enlarged, two) y = Upsample(x, s)"),
    (ONLY_10, "y = Resize(x, doubled)"),
    (ONLY_10, "y = Resize(x, enlarged)"),
    (ONLY_10, "y = Resize(x, halved)"),
    (ONLY_10, "y = Resize(x, shrunk)"),
    (ONLY_10, "s = Constant<value = float[4] {1.0, 1.0, 0.75, 0.5}>() y = Resize(x, s)"),
    (ONLY_10, 'y = Resize<mode="linear">(x, doubled)'),
    (ONLY_10, 'y = Resize<mode="linear">(x, enlarged)'),
    (ONLY_10, 'y = Resize<mode="linear">(x, halved)'),
    (ONLY_10, 'y = Resize<mode="linear">(x, shrunk)'),
    (ONLY_10, 'y = Resize<mode="linear">(x, mixed)'),
    (FROM_11, "y = Resize(x, no_roi, mixed)"),
    (FROM_11, 'y = Resize<mode="linear">(x, no_roi, mixed)'),
    (
        FROM_11,
        'y = Resize<coordinate_transformation_mode="asymmetric", nearest_mode="ceil">'
        "(x, no_roi, shrunk)",
    ),
]


def written(body: str, opset: int, folder: Path) -> tuple[Path, onnx.ModelProto]:
    """A file of that opset; its output states a rank alone, as an exporter's does."""
    header = f'<ir_version: 6, opset_import: ["" : {opset}]> small '
    proto = onnx.parser.parse_model(header + f"(float[1,2,5,6] x) => (float[a] y) {{ {body} }}")
    read = {name for node in proto.graph.node for name in node.input}
    for name in CONSTANTS.keys() & read:
        proto.graph.initializer.append(numpy_helper.from_array(CONSTANTS[name], name))
    del proto.graph.output[:]
    proto.graph.output.append(helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None))
    rank = run(ir.from_proto(proto), FEEDS, optimize=False)["y"].ndim
    proto.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [f"d{i}" for i in range(rank)])
    )
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path, proto


@pytest.mark.parametrize(
    ("opset", "body"), [(opset, body) for opsets, body in CASES for opset in opsets]
)
def test_the_loaded_model_computes_what_the_file_computes(
    tmp_path: Path, opset: int, body: str
) -> None:
    path, proto = written(body, opset, tmp_path)
    expected = run(ir.from_proto(proto), FEEDS, optimize=False)["y"]
    found = run(load_model(path), FEEDS, optimize=False)["y"]
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("y = Resize(x, mixed)", r"the scales \[1\.0, 1\.0, 0\.625, 2\.0\] leave open"),
        ("s = Add(halved, halved) y = Resize(x, s)", "the scales that aren't stored leave open"),
    ],
)
def test_a_resize_that_no_attribute_describes_is_refused(
    tmp_path: Path, body: str, reason: str
) -> None:
    path, _ = written(body, 10, tmp_path)
    with pytest.raises(UnsupportedModel, match=rf"node y \(Resize\): opset 10 and {reason}"):
        load_model(path)
