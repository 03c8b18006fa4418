# SPDX-License-Identifier: Apache-2.0
"""Inputs drawn from a known distribution, told again from what a BatchNorm would have noted."""

import numpy as np
import pytest

from intaglio.compiler.real.input_estimation.estimate_input import InputEstimate, estimate_input
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.statistics import write_channel_statistics
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, note_statistics, parse, random

MEAN, STD = np.array([0.48, 0.45, 0.40]), np.array([0.24, 0.23, 0.23])
W = random(1, 16, 3, 3, 3)


def images(count: int = 32, side: int = 24, channels: int = 3) -> Array:
    """``[count, channels, side, side]`` in [0, 1]: smooth, with colours that are much alike."""
    rng = np.random.default_rng(5)
    fields = rng.standard_normal((count, channels + 1, side, side))
    for axis in (2, 3):
        rows = np.moveaxis(fields, axis, 0)
        for index in range(1, side):
            rows[index] = 0.9 * rows[index - 1] + np.sqrt(1 - 0.81) * rows[index]
    mixed = 0.9 * fields[:, :1] + np.sqrt(1 - 0.81) * fields[:, 1:]
    means, stds = (array[:channels].reshape(1, -1, 1, 1) for array in (MEAN, STD))
    pixels: Array = np.clip(means + stds * mixed, 0, 1).astype(np.float32)
    return pixels


def estimate(text: str, data: Array, **constants: Array) -> InputEstimate:
    return estimate_input(note_statistics(parse(text, **constants), {"x": data}, "c"), "x")


PIXELS = images()


def check_is(found: InputEstimate, mean: Array, std: Array, tolerance: float = 0.3) -> None:
    """Means within a tenth of a std, stds within ``tolerance`` of themselves."""
    seen, variance = found.distribution.moments()
    np.testing.assert_array_less(np.abs(seen - mean), 0.1 * std)
    np.testing.assert_allclose(np.sqrt(variance), std, rtol=tolerance)


@pytest.mark.parametrize(
    ("factor", "offset", "convention", "low", "high"),
    [
        (1.0, 0.0, "pixels / 255", 0.0, 1.0),
        (2.0, -1.0, "pixels / 127.5 - 1", -1.0, 1.0),
        (255.0, 0.0, "pixels from 0 to 255", 0.0, 255.0),
        (255.0, -128.0, "pixels - 128", -128.0, 127.0),
        (1 / 0.226, -0.449 / 0.226, "ImageNet's mean and deviation", -2.118, 2.64),
        (255.0, -114.0, "pixels less the mean pixel (Caffe)", -123.68, 151.061),
        (1.0, -0.5, "pixels / 255 - 0.5", -0.5, 0.5),
    ],
)  # fmt: skip
def test_images_are_taken_for_the_nearest_convention(
    factor: float, offset: float, convention: str, low: float, high: float
) -> None:
    data = (factor * PIXELS + offset).astype(np.float32)
    found = estimate(
        "(float[N,3,24,24] x) => (y) { c = Conv<pads=[0,0,1,1], strides=[2,2]>(x, w) y = Relu(c) }",
        data, w=W,
    )  # fmt: skip
    assert found.convention == convention
    assert (found.range.minimum, found.range.maximum) == (low, high)
    check_is(found, data.mean(axis=(0, 2, 3)), data.std(axis=(0, 2, 3)))
    assert convention in found.said


def test_what_fits_no_convention_gets_four_stds() -> None:
    data = (7.0 * PIXELS).astype(np.float32)
    found = estimate("(float[N,3,24,24] x) => (y) { c = Conv(x, w) y = Relu(c) }", data, w=W)
    assert found.convention is None
    mean, std = data.mean(axis=(0, 2, 3)), data.std(axis=(0, 2, 3))
    np.testing.assert_allclose(found.range.maximum, (mean + 4 * std).max(), rtol=0.2)
    assert "mean +- 4 std" in found.said


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("s = Sub(x, o) m = Mul(s, f) c = Conv<pads=[1,1,1,1]>(m, w)", False),
        ("t = Transpose<perm=[0,3,1,2]>(x) c = Conv(t, w)", True),
        ("p = Pad(x, pads, v) c = Conv(p, w)", False),
        ("c = ConvTranspose<strides=[2,2]>(x, w)", False),
    ],
)
def test_the_input_may_be_moved_scaled_and_padded(text: str, last: bool) -> None:
    stored = {
        "o": np.array([0.5, 0.4, 0.3], np.float32).reshape(3, 1, 1),
        "f": np.array([4.0], np.float32),
        "pads": np.array([0, 0, 2, 2, 0, 0, 2, 2]), "v": np.array(1.0, np.float32),
        "w": random(1, 3, 16, 3, 3) if "Transpose<s" in text else W,
    }  # fmt: skip
    words = text.replace(")", " ").replace(",", " ").split()
    used = {name: array for name, array in stored.items() if name in words}
    shape = "N,24,24,3" if last else "N,3,24,24"
    data = np.moveaxis(PIXELS, 1, 3) if last else PIXELS
    found = estimate(f"(float[{shape}] x) => (y) {{ {text} y = Relu(c) }}", data, **used)
    assert found.convention == "pixels / 255"
    assert found.distribution.channels == 3
    check_is(found, PIXELS.mean(axis=(0, 2, 3)), PIXELS.std(axis=(0, 2, 3)))


def test_several_readers_are_taken_together() -> None:
    model = parse(
        """(float[N,3,24,24] x) => (y, z) {
            c = Conv(x, w) y = Relu(c) d = Conv(x, u) z = Relu(d) r = Relu(x) }""",
        w=W[:2], u=W[2:6],
    )  # fmt: skip
    found = estimate_input(note_statistics(model, {"x": PIXELS}, "c", "d"), "x")
    assert found.convention == "pixels / 255"
    check_is(found, PIXELS.mean(axis=(0, 2, 3)), PIXELS.std(axis=(0, 2, 3)), tolerance=0.4)
    assert "c, d" in found.said


def test_a_batch_that_the_model_fixes() -> None:
    found = estimate("(float[32,3,24,24] x) => (y) { c = Conv(x, w) y = Relu(c) }", PIXELS, w=W)
    assert found.convention == "pixels / 255"


def test_grey_images() -> None:
    data = images(channels=1)
    found = estimate(
        "(float[N,1,24,24] x) => (y) { c = Conv(x, w) y = Relu(c) }", data, w=random(1, 16, 1, 3, 3)
    )
    assert found.convention == "pixels / 255"


def test_independent_inputs_of_a_matrix_product() -> None:
    data = (3.0 + 2.0 * random(3, 20000, 12)).astype(np.float32)
    found = estimate(
        "(float[N,12] x) => (y) { c = Gemm(x, w, b) y = Relu(c) }",
        data, w=random(1, 12, 32), b=random(2, 32),
    )  # fmt: skip
    assert found.convention is None
    check_is(found, np.array([3.0]), np.array([2.0]), tolerance=0.1)
    np.testing.assert_allclose([found.range.minimum, found.range.maximum], [-5.0, 11.0], rtol=0.15)


def test_a_spectrum_has_a_mean_for_each_frequency() -> None:
    means = np.array([-15.0, 1.0, 0.0, 2.0, -1.0, 0.5])
    data = (means + np.array([20.0, 4.0, 3.0, 2.0, 2.0, 1.0]) * random(4, 300, 1, 20, 6)).astype(
        np.float32
    )
    found = estimate(
        "(float[N,1,20,6] x) => (y) { c = Conv<pads=[1,1,1,1]>(x, w) y = Relu(c) }",
        data, w=random(1, 64, 1, 3, 3),
    )  # fmt: skip
    assert found.convention is None
    np.testing.assert_allclose([found.range.minimum, found.range.maximum], [-95.0, 65.0], rtol=0.2)
    np.testing.assert_allclose(found.distribution.moments()[0], data.mean(), atol=1.0)


@pytest.mark.parametrize(
    ("nodes", "constants", "reason"),
    [
        ("c = Conv(x, w) y = Relu(c)", {"w": W}, r"node c \(Conv\) has no BatchNormalization"),
        ("y = Relu(x)", {}, r"node y \(Relu\) isn't linear with constant weights"),
        ("t = Mul(x, x) y = Relu(t)", {}, r"node t \(Mul\) isn't linear"),
    ],
)
def test_what_it_cannot_tell_is_refused_with_advice(
    nodes: str, constants: dict[str, Array], reason: str
) -> None:
    model = parse(f"(float[N,3,24,24] x) => (y) {{ {nodes} }}", **constants)
    with pytest.raises(InvalidData, match=reason + r".*give --input-range x=LOW,HIGH"):
        estimate_input(model, "x")


def test_constant_channels_tell_nothing() -> None:
    model = parse("(float[N,3,24,24] x) => (y) { c = Conv(x, w) y = Relu(c) }", w=0 * W)
    value = next(node for node in model.graph).outputs[0]
    write_channel_statistics(value, np.zeros(16), np.zeros(16))
    with pytest.raises(InvalidData, match="channels are all constant"):
        estimate_input(model, "x")


def test_statistics_that_no_input_explains_are_refused() -> None:
    model = parse("(float[N,3,24,24] x) => (y) { c = Conv(x, w) y = Relu(c) }", w=W)
    value = next(node for node in model.graph).outputs[0]
    noise = np.random.default_rng(0)
    write_channel_statistics(value, noise.normal(size=16), noise.uniform(0.01, 1.0, 16))
    with pytest.raises(InvalidData, match=r"statistics after c that no input explains"):
        estimate_input(model, "x")


def test_a_normalization_of_the_input_itself() -> None:
    data = (3.0 + 2.0 * random(3, 500, 6)).astype(np.float32)
    parameters = {
        "g": random(1, 6), "b": random(2, 6), "m": data.mean(axis=0), "v": data.var(axis=0),
    }  # fmt: skip
    model = parse(
        """(float[N,6] x) => (y) {
            n = BatchNormalization(x, g, b, m, v) r = Relu(n) y = Gemm(r, w) }""",
        w=random(3, 6, 4), **parameters,
    )  # fmt: skip
    found = estimate_input(normalize(model), "x")
    check_is(found, np.array([3.0]), np.array([2.0]), tolerance=0.1)
