# SPDX-License-Identifier: Apache-2.0
"""The share of positions at which a tap reads data, against counting by convolution itself."""

import numpy as np
import pytest

from intaglio.compiler.real.tap_presence import tap_presence
from tests.compiler.real.building import parse, run

PLANES = [
    ("Conv", "pads = [1, 1, 1, 1]", "N, 1, 5, 7", (3, 3)),
    ("Conv", "pads = [0, 1, 2, 0], strides = [2, 3]", "N, 1, 6, 8", (3, 2)),
    ("Conv", "pads = [2, 2, 2, 2], dilations = [2, 2], strides = [2, 1]", "N, 1, 5, 6", (3, 3)),
    ("Conv", "pads = [0, 0, 0, 0]", "N, 1, 5, 6", (3, 3)),
    ("ConvTranspose", "strides = [2, 2]", "N, 1, 3, 4", (3, 2)),
    ("ConvTranspose", "strides = [2, 3], pads = [1, 0, 0, 1]", "N, 1, 3, 4", (3, 3)),
    ("ConvTranspose", "pads = [1, 1, 1, 1], output_padding = [1, 0], strides = [2, 1]",
     "N, 1, 4, 3", (3, 3)),
    ("ConvTranspose", "dilations = [2, 1], strides = [1, 2]", "N, 1, 4, 3", (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attributes", "shape", "kernel"), PLANES)
def test_equals_the_mean_of_what_a_single_tap_makes_of_ones(
    op: str, attributes: str, shape: str, kernel: tuple[int, int]
) -> None:
    text = f"(float[{shape}] x) => (float[N, 1, OH, OW] y) {{ y = {op} <{attributes}> (x, w) }}"
    model = parse(text, w=np.zeros((1, 1, *kernel), np.float32))
    node = model.graph.node(0)
    found = tap_presence(node, kernel)
    ones = np.ones([int(d) if d != "N" else 1 for d in shape.split(", ")], np.float32)
    for tap in np.ndindex(*kernel):
        weight = np.zeros((1, 1, *kernel), np.float32)
        weight[(0, 0, *tap)] = 1.0
        result = run(parse(text, w=weight), {"x": ones})["y"]
        assert found[tap] == pytest.approx(float(result.mean()), abs=1e-6)


def test_a_convolution_along_one_axis() -> None:
    text = "(float[N, 2, 4] x) => (float[N, 2, 4] y) { y = Conv <pads = [1, 1], group = 2> (x, w) }"
    model = parse(text, w=np.zeros((2, 1, 3), np.float32))
    assert tap_presence(model.graph.node(0), (3,)).tolist() == [0.75, 1.0, 0.75]


def test_open_extents_count_as_endless() -> None:
    conv = (
        "(float[N, 1, H, W] x) => (float[N, 1, A, B] y) { y = Conv <pads = [1, 1, 1, 1]> (x, w) }"
    )
    model = parse(conv, w=np.zeros((1, 1, 3, 3), np.float32))
    assert (tap_presence(model.graph.node(0), (3, 3)) == 1.0).all()
    transposed = conv.replace("Conv <", "ConvTranspose <strides = [2, 1], ")
    model = parse(transposed, w=np.zeros((1, 1, 3, 3), np.float32))
    assert (tap_presence(model.graph.node(0), (3, 3)) == 0.5).all()


def test_a_matrix_product_has_no_taps() -> None:
    model = parse("(float[N, 3] x) => (float[N, 2] y) { y = Gemm (x, w) }", w=np.ones((3, 2), "f4"))
    assert tap_presence(model.graph.node(0), ()) == 1.0
