# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import onnx.external_data_helper
import onnx.parser
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from intaglio.compiler.real.load import load_model
from intaglio.errors import IntaglioError, InvalidFile, InvalidOption, UnsupportedModel
from tests.compiler.real.building import Array, random, run


def proto_of(body: str, opset: int = 21, **constants: Array) -> onnx.ModelProto:
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> small {body}')
    for name, array in constants.items():
        proto.graph.initializer.append(numpy_helper.from_array(array, name))
    return proto


def product(opset: int = 21) -> onnx.ModelProto:
    return proto_of(
        "(float[N,4] x) => (float[N,3] y) { y = MatMul(x, w) }", opset, w=random(1, 4, 3)
    )


def write(folder: Path, proto: onnx.ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_a_sound_file(tmp_path: Path) -> None:
    model = load_model(write(tmp_path, product()))
    assert model.graph.opset_imports == {"": 21}
    assert model.graph.outputs[0].shape == ir.Shape(["N", 3])
    found = run(model, {"x": np.ones((2, 4), dtype=np.float32)})["y"]
    np.testing.assert_allclose(found[0], random(1, 4, 3).sum(axis=0), rtol=1e-5)


def test_initializers_are_no_inputs(tmp_path: Path) -> None:
    proto = product()
    proto.graph.input.append(
        onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [4, 3])
    )
    assert [value.name for value in load_model(write(tmp_path, proto)).graph.inputs] == ["x"]


def test_an_old_opset_is_converted(tmp_path: Path) -> None:
    body = "(float[N,4] x) => (float[N,4] y) { y = Clip<min=0.0, max=6.0>(x) }"
    model = load_model(write(tmp_path, proto_of(body, opset=9)))
    assert model.graph.opset_imports == {"": 21}
    x = np.array([[-1, 0, 5, 9]], dtype=np.float32)
    np.testing.assert_array_equal(run(model, {"x": x})["y"], [[0, 0, 5, 6]])


@pytest.mark.parametrize("opset", [7, 8, 11, 13, 17, 20, 22, 23])
def test_every_opset_in_use_is_converted(tmp_path: Path, opset: int) -> None:
    body = """(float[N,2,4,4] x) => (float[N,2] y) {
        c = Conv<pads=[1,1,1,1]>(x, w)
        n = BatchNormalization(c, v, v, v, v)
        g = GlobalAveragePool(n)
        f = Flatten(g)
        d = Dropout(f)
        y = Softmax<axis=1>(d) }"""
    constants = {"w": random(1, 2, 2, 3, 3), "v": np.array([1, 2], dtype=np.float32)}
    proto = proto_of(body, opset, **constants)
    model = load_model(write(tmp_path, proto))
    assert model.graph.opset_imports == {"": 21}
    x = random(3, 2, 2, 4, 4)
    expected = run(ir.from_proto(proto), {"x": x})["y"]
    np.testing.assert_allclose(run(model, {"x": x})["y"], expected, rtol=1e-6)


def test_an_opset_that_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    body = "(float[N,4] x) => (float[N,4] y) { y = Upsample<height_scale=2.0, width_scale=2.0>(x) }"
    proto = proto_of(body, opset=1)
    with pytest.raises((UnsupportedModel, InvalidFile), match=r"model\.onnx"):
        load_model(write(tmp_path, proto))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty; export or copy it again"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "truncated or isn't ONNX"),
        (b"this is a plain text file, not a model", "truncated or isn't ONNX|no ONNX graph"),
        (product().SerializeToString()[:-5], "truncated or isn't ONNX"),
    ],
    ids=["empty", "png", "text", "truncated"],
)
def test_files_that_are_no_model(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(InvalidFile, match="the file can't be read"):
            load_model(path)


def external(folder: Path, location: str) -> Path:
    """A model whose weights lie at ``location``."""
    proto = product()
    tensor = proto.graph.initializer[0]
    data = tensor.raw_data
    onnx.external_data_helper.set_external_data(tensor, location, 0, len(data))
    tensor.ClearField("raw_data")
    return write(folder, proto)


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    path = external(tmp_path, "weights.bin")
    (tmp_path / "weights.bin").write_bytes(random(1, 4, 3).tobytes())
    found = run(load_model(path), {"x": np.ones((1, 4), dtype=np.float32)})["y"]
    np.testing.assert_allclose(found[0], random(1, 4, 3).sum(axis=0), rtol=1e-5)


def test_external_data_that_is_missing_or_short(tmp_path: Path) -> None:
    path = external(tmp_path, "weights.bin")
    with pytest.raises(
        InvalidFile, match=r"tensor w keeps its data in the file 'weights.bin', whi"
    ):
        load_model(path)
    (tmp_path / "weights.bin").write_bytes(bytes(10))
    with pytest.raises(InvalidFile, match=r"needs 48 bytes from byte 0 .* which has 10 bytes"):
        load_model(path)


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/hostname", "a/../../secret.bin", "C:\\secret", "..\\s", ""]
)
def test_external_data_outside_the_folder_is_not_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.bin").write_bytes(random(1, 4, 3).tobytes())
    with pytest.raises(InvalidFile, match="outside the model's folder"):
        load_model(external(tmp_path / "inner", location))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.bin").write_bytes(random(1, 4, 3).tobytes())
    (tmp_path / "inner" / "weights.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(InvalidFile, match="outside the model's folder"):
        load_model(external(tmp_path / "inner", "weights.bin"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(tmp_path: Path, bad: float) -> None:
    weight = random(1, 4, 3)
    weight[1, 2] = bad
    proto = proto_of("(float[N,4] x) => (float[N,3] y) { y = MatMul(x, w) }", w=weight)
    with pytest.raises(InvalidFile, match=r"tensor w has 1 NaN or infinite element\(s\)"):
        load_model(write(tmp_path, proto))


def test_an_infinite_clamp_is_none(tmp_path: Path) -> None:
    high = np.array(np.inf, dtype=np.float32)
    load_model(
        write(tmp_path, proto_of("(float[N,4] x) => (float[N,4] y) { y = Clip(x,,h) }", h=high))
    )
    low = np.array(np.nan, dtype=np.float32)
    with pytest.raises(InvalidFile, match="tensor h has 1 NaN"):
        load_model(
            write(tmp_path, proto_of("(float[N,4] x) => (float[N,4] y) { y = Clip(x,,h) }", h=low))
        )


def _huge_tensor(proto: onnx.ModelProto) -> None:
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend([2**40, 2**40])


def _negative_tensor(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].dims[0] = -4


def _short_tensor(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].dims[0] = 5


def _huge_input(proto: onnx.ModelProto) -> None:
    dims = proto.graph.input[0].type.tensor_type.shape.dim
    dims[0].dim_value = 2**40


def _empty_input(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 0


def _contradicting_input(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 7


def _absent_value(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].input[0] = "nowhere"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_huge_tensor, r"tensor w has the absurd shape \[1099511627776, 1099511627776\]"),
        (_negative_tensor, r"tensor w has the absurd shape \[-4, 3\]"),
        (_short_tensor, r"tensor w doesn't hold the 15 elements of its shape \[5, 3\]"),
        (_huge_input, r"value x has the absurd shape \[1099511627776, ?4\]"),
        (_empty_input, r"input x has a dimension below 1"),
        (_contradicting_input, r"the shapes of the model contradict each other"),
        (_absent_value, r"the model isn't valid ONNX \(.*nowhere"),
    ],
)
def test_models_that_are_damaged(
    tmp_path: Path, damage: Callable[[onnx.ModelProto], None], message: str
) -> None:
    proto = product()
    damage(proto)
    path = write(tmp_path, proto)
    with pytest.raises(InvalidFile, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    proto = product()
    proto.graph.node[0].name = "name_to_damage"
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString().replace(b"name_to_damage", b"name\xdd\xddo_damage"))
    with pytest.raises(InvalidFile):
        load_model(path)


BODY = "(float[N,2,H,W] x) => (float[M,3,A,B] y) { y = Conv(x, w) }"


def test_symbolic_dimensions_beyond_the_batch(tmp_path: Path) -> None:
    path = write(tmp_path, proto_of(BODY, w=random(1, 3, 2, 3, 3)))
    with pytest.raises(UnsupportedModel, match=r"input x: symbolic dimension\(s\) H, W beyond"):
        load_model(path)
    assert load_model(path, {"x": (1, 2, 8, 8)}).graph.outputs[0].shape == (1, 3, 6, 6)
    batch = load_model(path, {"x": (None, 2, 8, 8)}).graph.outputs[0].shape
    assert batch is not None
    assert list(batch[1:]) == [3, 6, 6]
    assert not isinstance(batch[0], int)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1, 2, 8, 8)}, r"shape z=1,2,8,8: .* has no such input; it has x"),
        ({"x": (1, 2, 8)}, r"the input has 4 dimensions"),
        ({"x": (1, 2, 0, 8)}, r"isn't a positive number"),
        ({"x": (1, 2, None, 8)}, r"shape x=1,2,\?,8: a dimension isn't a positive"),
    ],
)
def test_shapes_that_do_not_fit(
    tmp_path: Path, shapes: dict[str, tuple[int | None, ...]], message: str
) -> None:
    path = write(tmp_path, proto_of(BODY, w=random(1, 3, 2, 3, 3)))
    with pytest.raises(InvalidOption, match=message):
        load_model(path, shapes)


DAMAGED = product().SerializeToString()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    end=st.integers(1, len(DAMAGED)),
    changes=st.dictionaries(st.integers(0, len(DAMAGED) - 1), st.integers(0, 255), max_size=4),
)
def test_damage_never_escapes(tmp_path: Path, end: int, changes: dict[int, int]) -> None:
    data = bytearray(DAMAGED)
    for place, byte in changes.items():
        data[place] = byte
    path = tmp_path / "model.onnx"
    path.write_bytes(data[:end])
    # Whatever else is raised, fails the test.
    with suppress(IntaglioError):
        assert load_model(path).graph.inputs
