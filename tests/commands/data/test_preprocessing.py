# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from intaglio.commands.data import (
    InputSpec,
    Preprocessing,
    load_preprocessing,
    open_dataset,
    shipped_preprocessings,
)
from intaglio.commands.data.image_decoding import Decoder, EncodedImage, StoredPixels
from intaglio.commands.data.preprocessing_file import parse_preprocessing
from intaglio.commands.data.preprocessing_rules import (
    Channels,
    Crop,
    Geometry,
    Interpolation,
    Layout,
    ResizeExact,
    ResizeShortSide,
)
from intaglio.errors import InvalidData, InvalidFile, InvalidOption
from tests.commands.data.images import encode, float_input, random_pixels


def decoded(pixels: NDArray[Any], geometry: Geometry) -> NDArray[Any]:
    result = Decoder(geometry, None, None).decode(StoredPixels("image", pixels))
    assert isinstance(result, np.ndarray)
    return result


def load(tmp_path: Path, pixels: NDArray[Any], rules: str, spec: InputSpec) -> NDArray[Any]:
    np.savez(tmp_path / "a.npz", image=pixels[np.newaxis])
    dataset = open_dataset(
        tmp_path / "a.npz", inputs=[spec], preprocessing=parse_preprocessing(rules, "rules")
    )
    (batch,) = dataset.batches(1)
    (sample,) = batch.inputs[spec.name]
    return np.asarray(sample)


def test_every_shipped_file_is_what_its_name_says() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    square = Geometry(Channels.RGB, ResizeShortSide(256), Crop(224, 224))
    caffe = Geometry(Channels.BGR, ResizeShortSide(256), Crop(227, 227))
    expected = {
        "caffe": Preprocessing(caffe, mean=(104, 117, 123)),
        "cifar": Preprocessing(divisor=255, mean=mean, std=std),
        "raw": Preprocessing(),
        "tf": Preprocessing(square, divisor=127.5, mean=(1,)),
        "torchvision": Preprocessing(square, divisor=255, mean=mean, std=std),
    }
    assert shipped_preprocessings() == tuple(expected)
    assert {name: load_preprocessing(name) for name in expected} == expected


def test_every_key_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'channels = "L"\nlayout = "NHWC"\ndtype = "int8"\ndivisor = 2\nmean = 1\nstd = [0.5]\n'
        '[resize]\nsize = [10, 20]\ninterpolation = "lanczos"\n[crop]\nsize = [9, 8]\n'
    )
    assert load_preprocessing(path) == Preprocessing(
        Geometry(Channels.GRAY, ResizeExact(10, 20, Interpolation.LANCZOS), Crop(9, 8)),
        divisor=2.0,
        mean=(1.0,),
        std=(0.5,),
        layout=Layout.NHWC,
        dtype=np.dtype(np.int8),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chanels = 'RGB'", "chanels is no key .* did you mean channels"),
        ("[resize]\nshort_sides = 3", r"resize\.short_sides .* did you mean resize\.short_side\?"),
        ("[crop]\nx = 3", r"crop\.x is no key .* did you mean crop\.size"),
        ("channels = 'rgb'", "channels is 'rgb'; write one of RGB, BGR, L, as-stored"),
        ("layout = 3", "layout is 3; write one of NCHW, NHWC"),
        ("dtype = 'float64'", "dtype is 'float64'; write one of float32, int8, uint8"),
        ("divisor = 0", "divisor is 0; write a number from 1e-30"),
        ("divisor = [1, 2, 3]", r"divisor is \[1.0, 2.0, 3.0\]; write one number"),
        ("mean = [nan]", r"mean is \[nan\]; write a number"),
        ("mean = []", r"mean is \[\]"),
        ("mean = true", "mean is True"),
        ("mean = 1e400", "mean is inf"),
        ("std = [1, 'x']", r"std is \[1, 'x'\]"),
        ("std = -1", "std is -1"),
        ("resize = 3", r"resize is 3; write a table, \[resize\]"),
        ("[resize]", r"resize\.size is missing; write \[height, width\]"),
        (
            "[resize]\nshort_side = 3\nsize = [1, 1]",
            "resize has both size and short_side; keep one",
        ),
        ("[resize]\nshort_side = 0", r"resize\.short_side is 0; write whole pixels from 1"),
        ("[resize]\nshort_side = 1e9", r"resize\.short_side is 1000000000\.0"),
        ("[crop]\nsize = [1, true]", r"crop\.size is True"),
        ("[crop]\nsize = [1, 2, 3]", r"crop\.size is \[1, 2, 3\]"),
        ("channels = 'as-stored'\n[crop]\nsize = [1, 1]", "channels is 'as-stored'"),
        ("a = ", "it is not TOML"),
        ("a = " + "[" * 5000, "it is not TOML"),
        pytest.param("divisor = 1" + "0" * 5000, "it has an integer of too many", id="decimal"),
        pytest.param("divisor = 0x" + "f" * 5000, "divisor is too long to be shown", id="hex"),
    ],
)
def test_bad_files_are_refused_by_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidFile, match=rf"mine\.toml: {words}"):
        load_preprocessing(path)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=r"torchvison: no file .* tf, torchvision"):
        load_preprocessing("torchvison")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidFile, match="can't be read as text"):
        load_preprocessing(tmp_path / "binary")
    (tmp_path / "long").write_bytes(b"#" * 70_000)
    with pytest.raises(InvalidFile, match="larger than 65536 bytes"):
        load_preprocessing(tmp_path / "long")


@pytest.mark.parametrize(
    ("size", "expected"),
    [((300, 451), (256, 384)), ((451, 300), (384, 256)), ((100, 100), (256, 256))],
)
def test_short_side_rounds_the_long_side_down(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert ResizeShortSide(256).target(*size) == expected


def test_resize_is_pillows_filter() -> None:
    pixels = random_pixels(0, 30, 20)
    geometry = Geometry(resize=ResizeExact(7, 9, Interpolation.BICUBIC))
    expected = Image.fromarray(pixels).resize((9, 7), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(decoded(pixels, geometry), np.asarray(expected))


@pytest.mark.parametrize(("height", "first"), [(10, 1), (11, 2), (13, 2), (8, 0)])
def test_the_crop_is_centred_with_halves_to_even(height: int, first: int) -> None:
    pixels = random_pixels(0, height, 9)
    found = decoded(pixels, Geometry(crop=Crop(8, 4)))
    np.testing.assert_array_equal(found, pixels[first : first + 8, 2:6])


def test_a_crop_larger_than_the_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"8 x 8 pixels .* at least 9 x 8; add or correct"):
        load(tmp_path, random_pixels(0), "[crop]\nsize = [9, 8]", float_input(3, 9, 8))


def test_channel_orders(tmp_path: Path) -> None:
    pixels, grey = random_pixels(0), random_pixels(1, channels=1)
    np.testing.assert_array_equal(decoded(pixels, Geometry(Channels.BGR)), pixels[:, :, [2, 1, 0]])
    np.testing.assert_array_equal(decoded(grey, Geometry(Channels.GRAY))[:, :, 0], grey)
    np.testing.assert_array_equal(
        decoded(grey[:, :, np.newaxis], Geometry(Channels.RGB)), np.stack([grey] * 3, axis=2)
    )
    luma = decoded(pixels, Geometry(Channels.GRAY))[:, :, 0].astype(float)
    weighted = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(luma - weighted).max() <= 0.501


def test_transparency_is_dropped() -> None:
    pixels = random_pixels(0, channels=4)
    found = Decoder(Geometry(), None, None).decode(EncodedImage("a", encode(pixels)))
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, pixels[:, :, :3])


def test_arithmetic_is_float32_rounded_at_each_step(tmp_path: Path) -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    rules = "divisor = 255\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]"
    found = load(tmp_path, pixels, rules, float_input(3, 16, 16))
    f = np.float32
    for channel, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        expected = [(f(x) / f(255) - f(mean)) / f(std) for x in range(256)]
        np.testing.assert_array_equal(found[channel].ravel(), np.array(expected))
    assert found.dtype == np.float32


@pytest.mark.parametrize("rules", ["", 'layout = "NHWC"', 'layout = "NCHW"'])
def test_layout_follows_the_input_or_the_file(tmp_path: Path, rules: str) -> None:
    pixels = random_pixels(0, 4, 5)
    if "NCHW" not in rules:
        found = load(tmp_path, pixels, rules, float_input(4, 5, 3))
        np.testing.assert_array_equal(found, pixels)
    if "NHWC" not in rules:
        found = load(tmp_path, pixels, rules, float_input(3, 4, 5))
        np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1))
        assert found.flags.c_contiguous


def test_an_ambiguous_layout_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"both as NCHW and as NHWC, .* set layout"):
        load(tmp_path, random_pixels(0, 3, 3), "", float_input(3, 3, 3))
    load(tmp_path, random_pixels(0, 3, 3), "layout = 'NHWC'", float_input(3, 3, 3))


@pytest.mark.parametrize(
    ("rules", "shape"),
    [("", (3, 9, 8)), ("channels = 'L'", (3, 8, 8)), ("layout = 'NHWC'", (3, 8, 8)), ("", (192,))],
)
def test_samples_that_cannot_fit_are_refused_when_opened(
    tmp_path: Path, rules: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidData, match="after preprocessing, expected what input 'input'"):
        load(tmp_path, random_pixels(0), rules, float_input(*shape))


def test_integer_inputs_take_exact_values_only(tmp_path: Path) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    codes = InputSpec("input", (None, 1, 16, 16), np.dtype(np.int8))
    found = load(tmp_path, pixels, "channels = 'L'\nmean = 128\ndtype = 'int8'", codes)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found.ravel(), np.arange(-128, 128))
    for rules, value in (("", "128.0"), ("mean = 127", "128.0"), ("divisor = 3", "0.3333")):
        with pytest.raises(InvalidData, match=f"value {value}.* integer from -128 to 127"):
            load(tmp_path, pixels, f"channels = 'L'\n{rules}", codes)
    with pytest.raises(InvalidData, match=r"dtype uint8 in the preprocessing, expected .* int8"):
        load(tmp_path, pixels, "channels = 'L'\ndtype = 'uint8'", codes)


def test_a_mean_for_another_number_of_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="3 channels, but 2 values of mean"):
        load(tmp_path, random_pixels(0), "mean = [1, 2]", float_input(3, 8, 8))


def test_data_that_is_no_image_passes_as_stored(tmp_path: Path) -> None:
    stored = np.arange(-10, 10, dtype=np.int8).reshape(5, 4, 1)
    rules = "channels = 'as-stored'\nmean = 3\nstd = 2"
    found = load(tmp_path, stored, rules, float_input(1, 5, 4))
    np.testing.assert_array_equal(found[0], (stored[:, :, 0] - 3) / 2)
    with pytest.raises(InvalidData, match=r"int8 of shape \[1, 5, 4, 1\].* as-stored"):
        load(tmp_path, stored, "", float_input(1, 5, 4))
    with pytest.raises(InvalidData, match="isn't finite"):
        load(tmp_path, np.full((5, 4), np.nan), rules, float_input(1, 5, 4))
