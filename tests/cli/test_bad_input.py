# SPDX-License-Identifier: Apache-2.0
"""Files as the world has them: each gets one sentence, exit code 2, and leaves nothing behind."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from intaglio.compiler.real.onnx_runtime import parse
from tests.cli.running import DIGITS, Finished, files, intaglio

Spoil = Callable[[Path], None]
Verb = Callable[[Path, Path], Finished]

DATA = DIGITS / "heldout.npz"


def digits_proto() -> onnx.ModelProto:
    return parse((DIGITS / "digits.onnx").read_bytes())


def truncated(path: Path) -> None:
    path.write_bytes((DIGITS / "digits.onnx").read_bytes()[:-1000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def an_image(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))


def prose(path: Path) -> None:
    path.write_text("This is not a model.\n" * 100)


def absent(path: Path) -> None:
    path.unlink(missing_ok=True)


def a_folder(path: Path) -> None:
    path.mkdir()


def without_external_data(path: Path) -> None:
    proto = digits_proto()
    tensor = proto.graph.initializer[2]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    path.write_bytes(proto.SerializeToString())


def with_nan(path: Path) -> None:
    proto = digits_proto()
    tensor = proto.graph.initializer[2]
    array = numpy_helper.to_array(tensor).copy()
    array.flat[0] = np.nan
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    path.write_bytes(proto.SerializeToString())


def with_absurd_weights(path: Path) -> None:
    proto = digits_proto()
    proto.graph.initializer[2].dims[:] = [1 << 40, 1 << 20]
    path.write_bytes(proto.SerializeToString())


def with_absurd_input(path: Path) -> None:
    proto = digits_proto()
    for dim in proto.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = 1 << 31
    path.write_bytes(proto.SerializeToString())


def with_open_image_size(path: Path) -> None:
    proto = digits_proto()
    for dim, name in zip(
        proto.graph.input[0].type.tensor_type.shape.dim[2:], ("height", "width"), strict=True
    ):
        dim.dim_param = name
    path.write_bytes(proto.SerializeToString())


def with_foreign_op(path: Path) -> None:
    text = """<ir_version: 10, opset_import: ["" : 21]> odd
        (float[N,1,8,8] image) => (float[N,1,8,8] y) { y = Erf(image) }"""
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())


def quantize(model: Path, output: Path) -> Finished:
    target = output / "out.onnx"
    return intaglio("quantize", model, "-o", target, "--calibration", DIGITS / "calibration.npz")


def lower(model: Path, output: Path) -> Finished:
    return intaglio("lower", model, "-o", output / "out.intaglio")


def simulate(model: Path, output: Path) -> Finished:
    return intaglio("simulate", model, "--data", DATA, "--save", output / "out.npz")


def inspect(model: Path, output: Path) -> Finished:
    return intaglio("inspect", model)


def export(model: Path, output: Path) -> Finished:
    return intaglio("export", model, "--integers", "-o", output / "out", "--format", "hex")


VERBS: tuple[Verb, ...] = (quantize, lower, simulate, inspect, export)

BAD_ONNX: dict[Spoil, str] = {
    truncated: "truncated",
    empty: "empty",
    an_image: "isn't ONNX",
    prose: "isn't ONNX",
    absent: "can't be read",
    a_folder: "can't be read",
    without_external_data: "weights.bin",
    with_nan: "NaN",
    with_absurd_weights: "absurd shape",
    with_absurd_input: "absurd shape",
    with_open_image_size: "height",
}


def assert_refused(finished: Finished, path: Path, words: str) -> None:
    assert finished.code == 2, finished
    assert finished.out == ""
    assert str(path) in finished.err
    assert words in finished.err
    assert finished.err.endswith(".\n")
    assert "Traceback" not in finished.err
    assert "advice" not in finished.err


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
@pytest.mark.parametrize("spoil", BAD_ONNX, ids=lambda spoil: spoil.__name__)
def test_a_bad_onnx_file_gets_one_sentence(tmp_path: Path, spoil: Spoil, verb: Verb) -> None:
    path, output = tmp_path / "given" / "net.onnx", tmp_path / "made"
    path.parent.mkdir()
    output.mkdir()
    spoil(path)
    before = files(tmp_path)
    finished = verb(path, output)
    assert_refused(finished, path, BAD_ONNX[spoil])
    assert finished.err.count("\n") <= 1 + (spoil is with_open_image_size) * 3
    assert files(tmp_path) == before
    assert list(output.iterdir()) == []


def test_a_model_with_an_op_we_lack_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with_foreign_op(path)
    assert_refused(quantize(path, tmp_path), path, "Erf")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("verb", [lower, simulate, export], ids=lambda verb: verb.__name__)
def test_a_float_model_is_sent_to_quantize(tmp_path: Path, verb: Verb) -> None:
    model = DIGITS / "digits.onnx"
    finished = verb(model, tmp_path)
    assert_refused(finished, model, "`intaglio quantize`")
    assert finished.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_quantized_model_is_not_quantized_again(tmp_path: Path, quantized: Path) -> None:
    assert_refused(quantize(quantized, tmp_path), quantized, "quantized already")


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Take a zip apart, change its entries, and put it together again."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def bad_hash(path: Path) -> None:
    def change(entries: dict[str, bytes]) -> None:
        name = next(name for name in entries if name.startswith("constants/"))
        content = bytearray(entries[name])
        content[-1] ^= 1
        entries[name] = bytes(content)

    rewritten(path, change)


def path_traversal(path: Path) -> None:
    def change(entries: dict[str, bytes]) -> None:
        content = b"#!/bin/sh\n"
        entries["../../escaped"] = content
        manifest: dict[str, Any] = json.loads(entries["manifest.json"])
        manifest["entries"]["../../escaped"] = {"size": len(content), "sha256": "0" * 64}
        entries["manifest.json"] = json.dumps(manifest).encode()

    rewritten(path, change)


def oversized_entry(path: Path) -> None:
    """An entry that claims far more bytes than the file has."""
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    for field in (20, 24):  # compressed and uncompressed size in the central directory
        content[entry + field : entry + field + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(bytes(content))


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["constants/00000.npy"] = bytes(1 << 26)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    path.write_bytes(buffer.getvalue())


def broken_text(path: Path) -> None:
    def change(entries: dict[str, bytes]) -> None:
        import hashlib

        text = entries["graph.txt"].replace(b"conv2d(", b"conv3d(", 1)
        manifest: dict[str, Any] = json.loads(entries["manifest.json"])
        digest = hashlib.sha256(text).hexdigest()
        manifest["entries"]["graph.txt"] = {"size": len(text), "sha256": digest}
        entries["graph.txt"] = text
        entries["manifest.json"] = json.dumps(manifest).encode()

    rewritten(path, change)


def an_onnx_file(path: Path) -> None:
    path.write_bytes((DIGITS / "digits.onnx").read_bytes())


BAD_INTAGLIO: dict[Spoil, str] = {
    empty: "zip",
    prose: "zip",
    an_onnx_file: "zip",
    absent: "can't be read",
    cut_short: "zip",
    bad_hash: "hash",
    path_traversal: "'../../escaped'",
    oversized_entry: "bytes",
    zip_bomb: "compressed",
    broken_text: "conv3d",
}


@pytest.mark.parametrize("verb", [simulate, inspect, export], ids=lambda verb: verb.__name__)
@pytest.mark.parametrize("spoil", BAD_INTAGLIO, ids=lambda spoil: spoil.__name__)
def test_a_bad_intaglio_file_gets_one_sentence(
    tmp_path: Path, lowered: Path, spoil: Spoil, verb: Verb
) -> None:
    path, output = tmp_path / "given" / "net.intaglio", tmp_path / "made"
    path.parent.mkdir()
    output.mkdir()
    shutil.copyfile(lowered, path)
    spoil(path)
    before = files(tmp_path)
    finished = verb(path, output)
    assert_refused(finished, path, BAD_INTAGLIO[spoil])
    assert files(tmp_path) == before
    assert list(output.iterdir()) == []


def test_a_sound_file_passes_every_verb(tmp_path: Path, quantized: Path, lowered: Path) -> None:
    # So that the refusals above are refusals of what is bad.
    for verb, model in (
        (quantize, DIGITS / "digits.onnx"),
        (lower, quantized),
        (simulate, quantized),
        (inspect, lowered),
        (export, lowered),
    ):
        finished = verb(model, tmp_path)
        assert (finished.code, finished.err) == (0, ""), verb
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out",
        "out.intaglio",
        "out.npz",
        "out.onnx",
    ]


def test_what_stood_at_the_output_stays_when_a_verb_fails(tmp_path: Path) -> None:
    target = tmp_path / "out.onnx"
    target.write_text("precious")
    model = tmp_path / "net.onnx"
    truncated(model)
    assert quantize(model, tmp_path).code == 2
    assert target.read_text() == "precious"


def test_the_float_model_is_not_overwritten(tmp_path: Path) -> None:
    model = tmp_path / "net.onnx"
    model.write_bytes((DIGITS / "digits.onnx").read_bytes())
    finished = intaglio("quantize", model, "-o", model)
    assert finished.code == 2
    assert "it is the float model itself" in finished.err
    assert model.read_bytes() == (DIGITS / "digits.onnx").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--output", "missing/out.onnx"), "missing"),
        (("--bits", "w9000a8"), "--bits"),
        (("--recipe", "magic"), "--recipe"),
        (("--calibration", "absent.npz"), "absent.npz"),
        (("--shape", "image"), "--shape"),
        (("--shape", "picture=1,1,8,8"), "picture"),
    ],
)
def test_an_unusable_option_is_named(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    finished = intaglio(
        "quantize",
        DIGITS / "digits.onnx",
        "-o",
        tmp_path / "out.onnx",
        "--calibration",
        DIGITS / "calibration.npz",
        *arguments,
    )
    assert finished.code == 2
    assert words in finished.err
    assert finished.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_data_that_does_not_fit_is_refused(tmp_path: Path, lowered: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, inputs=np.zeros((3, 1, 9, 9), np.float32))
    finished = intaglio("simulate", lowered, "--data", data, "--save", tmp_path / "out.npz")
    assert_refused(finished, data, "shape")
    assert list(tmp_path.iterdir()) == [data]


def test_labels_beyond_the_classes_are_refused_and_leave_nothing(
    tmp_path: Path, lowered: Path
) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, inputs=np.zeros((3, 1, 8, 8), np.float32), labels=np.array([0, 1, 10]))
    finished = intaglio("simulate", lowered, "--data", data, "--save", tmp_path / "out.npz")
    assert finished.code == 2
    assert "class 10" in finished.err
    assert list(tmp_path.iterdir()) == [data]


def test_wrong_usage_exits_with_2() -> None:
    assert intaglio("simulate").code == 2
    assert intaglio("frobnicate").code == 2
    assert intaglio("inspect", "--no-such-option", "x").code == 2
    assert "--limit" in intaglio("demo", "--limit", "0").err


def test_running_out_of_memory_is_a_sentence(
    lowered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("intaglio.commands.simulate.run_in_order", exhausted)
    finished = intaglio("simulate", lowered, "--data", DATA)
    assert finished.code == 2
    assert "memory" in finished.err


def test_a_bug_of_ours_keeps_its_traceback(lowered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("intaglio.commands.simulate.run_in_order", broken)
    with pytest.raises(ZeroDivisionError):
        intaglio("simulate", lowered, "--data", DATA)
