# SPDX-License-Identifier: Apache-2.0
"""Each operator between two layers: scales go through it as far as the function stays the same."""

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalization_regions import describe_region, find_regions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.outcome import Outcome
from tests.compiler.real.building import Array, assert_same_function, initializer, parse, random

ARRAYS: dict[str, Array] = {
    "w": np.exp(2 * random(1, 4, 1, 1, 1)) * random(2, 4, 3, 3, 3),
    "b": random(3, 4),
    "w2": np.exp(2 * random(4, 4, 1, 1, 1)) * random(5, 4, 3, 3, 3),
    "v": random(6, 5, 4, 1, 1),
    "v8": random(7, 5, 8, 1, 1),
    "v6": random(8, 5, 6, 1, 1),
    "v2": random(9, 5, 2, 1, 1),
    "square": random(10, 4, 4, 1, 1),
    "dw": np.exp(random(11, 4, 1, 1, 1)) * random(12, 4, 1, 3, 3),
    "dw2": np.exp(random(13, 8, 1, 1, 1)) * random(14, 8, 1, 3, 3),
    "grouped": np.exp(random(15, 6, 1, 1, 1)) * random(16, 6, 2, 3, 3),
    "up": random(17, 4, 5, 2, 2),
    "back": random(25, 4, 5, 1, 1),
    "dense": random(18, 4, 7),
    "dense64": random(19, 64, 7),
    "slopes": np.array([0.1, -0.5, 2, 0], np.float32).reshape(4, 1, 1),
    "k": random(20, 1, 4, 1, 1),
    "k1": random(21, 1),
    "k6": random(24, 1, 6, 1, 1),
    "cap": np.abs(random(22, 4, 1, 1)),
    "part": random(23, 1, 2, 4, 4),
    "fill": np.array(0, np.float32),
    "one": np.array(1, np.float32),
    "pads": np.array([0, 2, 1, 0, 0, 0, 0, 1]),
    "axes": np.array([2, 3]),
    "all_axes": np.array([1]),
    "starts": np.array([3, 1]),
    "ends": np.array([-9, 4]),
    "slice_axes": np.array([1, 2]),
    "steps": np.array([-2, 1]),
    "sizes": np.array([2, 2]),
    "flat": np.array([0, -1]),
    "shuffled": np.array([0, 2, 2, 4, 4]),
    "whole": np.array([0, 4, 4, 4]),
    "mixed": np.array([0, 2, 8, 4]),
    "scales": np.array([1, 1, 2, 2], np.float32),
}
BEGIN = "a = Conv(x, w, b) "


def model_of(middle: str, end: str, batch: str = "N") -> ir.Model:
    """A layer on ``x`` that yields ``a``, 4 channels of 4x4; the middle yields ``m``."""
    text = f"(float[{batch},3,6,6] x) => (y) {{ {BEGIN} {middle} {end} }}"
    used = {name: array for name, array in ARRAYS.items() if _mentions(text, name)}
    return parse(text, **{name: np.asarray(array) for name, array in used.items()})


def _mentions(text: str, name: str) -> bool:
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return name in words


def equalized(model: ir.Model) -> Outcome:
    outcome = equalize_layers(model, EqualizationOptions())
    assert_same_function(model, outcome.model, tolerance=2e-5)
    return outcome


@pytest.mark.parametrize(
    ("middle", "end", "channels"),
    [
        ("m = Relu(a)", "y = Conv(m, v)", 4),
        ("m = LeakyRelu<alpha=0.2>(a)", "y = Conv(m, v)", 4),
        ("m = PRelu(a, slopes)", "y = Conv(m, v)", 4),
        ("m = Clip(a, fill)", "y = Conv(m, v)", 4),
        ("m = Min(a, cap)", "y = Conv(m, v)", 4),
        ("m = Max(cap, a)", "y = Conv(m, v)", 4),
        ("m = Add(a, k)", "y = Conv(m, v)", 4),
        ("m = Sub(k1, a)", "y = Conv(m, v)", 4),
        ("m = Mul(a, k)", "y = Conv(m, v)", 4),
        ("m = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(a)", "y = Conv(m, v)", 4),
        ("m = MaxPool<kernel_shape=[2,2], pads=[1,0,1,0]>(a)", "y = Conv(m, v)", 4),
        ("m = GlobalAveragePool(a)", "y = Conv(m, v)", 4),
        ("m = ReduceMean(a, axes)", "y = Conv(m, v)", 4),
        ("m = ReduceMean<keepdims=0>(a, axes)", "y = Gemm(m, dense)", 4),
        ("m = Flatten(a)", "y = Gemm(m, dense64)", 4),
        ("m = Reshape(a, flat)", "y = Gemm(m, dense64)", 4),
        ("t = Transpose<perm=[0,2,3,1]>(a) m = Flatten(t)", "y = Gemm(m, dense64)", 4),
        ("g = GlobalAveragePool(a) m = Squeeze(g, axes)", "y = Gemm(m, dense)", 4),
        ("m = Pad(a, pads)", "y = Conv(m, v6)", 4),
        ("m = Pad(a, pads, fill)", "y = Conv(m, v6)", 4),
        ("m = Slice(a, starts, ends, slice_axes, steps)", "y = Conv(m, v2)", 2),
        ("m = Resize(a, , scales)", "y = Conv(m, v)", 4),
        ("m = Identity(a)", "y = ConvTranspose<strides=[2,2]>(m, up)", 4),
        # Concatenation along channels, of parts with scales of their own, one constant.
        ("c = Conv(x, w2) m = Concat<axis=1>(a, c)", "y = Conv(m, v8)", 8),
        ("m = Concat<axis=1>(a, a)", "y = Conv(m, v8)", 4),
        ("f = Relu(a) m = Concat<axis=3>(a, f)", "y = Conv(m, v)", 4),
        ("m = Concat<axis=2>(a, a)", "y = Conv(m, v)", 4),
        # Splitting and swapping halves.
        ("p, q = Split<axis=1>(a, sizes) m = Concat<axis=1>(q, p)", "y = Conv(m, v)", 4),
        ("p, q = Split<axis=1>(a, sizes) m = Concat<axis=1>(p, q, a)", "y = Conv(m, v8)", 4),
        # A channel shuffle.
        (
            """r = Reshape(a, shuffled) t = Transpose<perm=[0,2,1,3,4]>(r)
            m = Reshape(t, whole)""",
            "y = Conv(m, v)",
            4,
        ),
        # Rows of pairs of channels become channels: all of a pair has one scale.
        ("m = Reshape(a, mixed)", "y = Conv(m, v2)", 2),
        # Sums: both branches and the result share scales.
        ("c = Conv(x, w2) s = Add(a, c) m = Relu(s)", "y = Conv(m, v)", 4),
        ("c = Conv<group=4, pads=[1,1,1,1]>(a, dw) m = Add(a, c)", "y = Conv(m, v)", 4),
        ("c = Conv(a, square) m = Sub(c, a)", "y = Conv(m, v)", 4),
        ("c = Conv(x, w2) m = Max(a, c)", "y = Conv(m, v)", 4),
        # A squeezed branch that is broadcast.
        ("g = GlobalAveragePool(a) m = Add(g, a)", "y = Conv(m, v)", 4),
        # Depthwise, with a multiplier, and grouped.
        ("m = Conv<group=4>(a, dw)", "y = Conv(m, v)", 8),
        ("m = Conv<group=4>(a, dw2)", "y = Conv(m, v8)", 12),
        ("m = Conv<group=2>(a, grouped)", "y = Conv(m, v6)", 10),
        ("p = Conv<group=4>(a, dw) m = Conv<group=4, pads=[1,1,1,1]>(p, dw)", "y = Conv(m, v)", 12),
        # Several readers all take part.
        ("p = Conv(a, v) q = Conv(a, v) m = Add(p, q)", "y = Relu(m)", 4),
    ],
)  # fmt: skip
def test_scales_go_through(middle: str, end: str, channels: int) -> None:
    outcome = equalized(model_of(middle, end))
    assert outcome.channels == channels
    assert not [note for note in outcome.notes if "not equalized" in note.said]


@pytest.mark.parametrize(
    ("middle", "end", "why"),
    [
        ("m = HardSwish(a)", "y = Conv(m, v)", "HardSwish is not homogeneous"),
        ("m = Sigmoid(a)", "y = Conv(m, v)", "Sigmoid is not homogeneous"),
        ("m = Softmax<axis=1>(a)", "y = Conv(m, v)", "Softmax is not homogeneous"),
        ("m = Clip(a, fill, one)", "y = Conv(m, v)", "per_channel_caps makes one for each"),
        ("m = Mul(a, a)", "y = Conv(m, v)", "it multiplies values that both could be scaled"),
        ("m = Pad(a, pads, one)", "y = Conv(m, v6)", "it pads with something other than zero"),
        ("r = Relu(a) s = Tanh(a) m = Add(r, s)", "y = Conv(m, v)", "Tanh is not homogeneous"),
    ],
)
def test_barriers_are_explained(middle: str, end: str, why: str) -> None:
    outcome = equalized(model_of(middle, end))
    assert outcome.channels == 0
    assert why in outcome.notes[0].said
    assert outcome.notes[0].said.startswith("not equalized: ")


def test_a_gate_has_no_scale_but_what_it_multiplies_has() -> None:
    model = model_of(
        """r = Relu(a) g = GlobalAveragePool(r) p = Conv(g, v) q = Relu(p)
        e = Conv(q, back) z = Sigmoid(e) m = Mul(z, r)""",
        "y = Conv(m, v)",
    )
    outcome = equalized(model)
    assert outcome.channels == 4 + 5
    assert [note.where for note in outcome.notes if "Sigmoid" in note.said] == ["e -> nothing"]


def test_inputs_and_outputs_of_the_graph_are_barriers() -> None:
    model = parse(
        """(float[N,4,5,5] x) => (y, a) {
            a = Conv(x, w1)
            b = Conv(x, w2)
            s = Add(x, b)
            p = Conv(a, w3)
            q = Conv(s, w4)
            y = Add(p, q) }""",
        **{f"w{i}": random(i, 4, 4, 1, 1) for i in range(1, 5)},
    )  # fmt: skip
    outcome = equalized(model)
    assert outcome.channels == 0
    said = [note.said for note in outcome.notes]
    assert said == [
        "not equalized: x: it is an input of the graph",
        "not equalized: a: the graph returns it",
    ]


def test_part_of_a_region_may_be_free() -> None:
    model = parse(
        """(float[N,3,6,6] x) => (y, p) {
            a = Conv(x, w)
            c = Conv(x, w2)
            p = Sigmoid(c)
            m = Concat<axis=1>(a, c)
            y = Conv(m, v8) }""",
        w=ARRAYS["w"], w2=ARRAYS["w2"], v8=ARRAYS["v8"],
    )  # fmt: skip
    outcome = equalized(model)
    assert outcome.channels == 4
    assert [note.said.split(":")[0] for note in outcome.notes] == ["equalized", "not equalized"]


def test_weights_that_are_computed_are_barriers() -> None:
    model = parse(
        """(float[1,3,6,6] x, float[5,4,1,1] f) => (y) {
            a = Conv(x, w)
            y = Conv(a, f) }""",
        w=ARRAYS["w"],
    )
    outcome = equalized(model)
    assert outcome.channels == 0
    assert "has no constant weights" in outcome.notes[0].said


def test_constants_are_divided() -> None:
    model = model_of("c = Concat<axis=1>(a, part) m = Add(c, k6)", "y = Conv(m, v6)", batch="1")
    outcome = equalized(model)
    assert outcome.channels == 4
    k6, before = initializer(outcome.model, "k6"), initializer(model, "k6")
    assert (k6[0, :4] != before[0, :4]).all()
    np.testing.assert_array_equal(k6[0, 4:], before[0, 4:])
    np.testing.assert_array_equal(initializer(outcome.model, "part"), ARRAYS["part"])


def test_a_residual_chain_is_one_region() -> None:
    model = parse(
        """(float[N,3,6,6] x) => (y) {
            a = Conv(x, w)
            b = Conv<pads=[1,1,1,1]>(a, u1) br = Relu(b) c = Conv(br, u2) s = Add(a, c)
            d = Conv<pads=[1,1,1,1]>(s, u1) dr = Relu(d) e = Conv(dr, u2) t = Add(s, e)
            y = Conv(t, v) }""",
        w=ARRAYS["w"], u1=random(30, 6, 4, 3, 3), u2=random(31, 4, 6, 1, 1), v=ARRAYS["v"],
    )  # fmt: skip
    scales = find_regions(model.graph)
    regions = [
        (describe_region(region, scales.layers), region.scales.size)
        for region in scales.regions
        if scales.free[region.scales].all()
    ]
    assert regions == [("a, c, e -> b, d, y", 4), ("b -> c", 6), ("d -> e", 6)]
    outcome = equalized(model)
    assert outcome.channels == 16
