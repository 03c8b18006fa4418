# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.normalization.fold_padding import fold_padding
from intaglio.compiler.real.normalization.make_padding_explicit import make_padding_explicit
from intaglio.compiler.real.normalization.normalize import normalize
from tests.compiler.real.building import Array, assert_same_function, ops, parse, random, run

MODES = ["SAME_UPPER", "SAME_LOWER", "VALID"]


def explicit(text: str, **constants: Array) -> ir.Node:
    """The one node of the result, which is valid and computes what the given model does."""
    model = parse(text, **constants)
    result = make_padding_explicit(model)
    assert_same_function(model, result)
    (node,) = result.graph
    assert "auto_pad" not in node.attributes
    assert "output_shape" not in node.attributes
    assert "auto_pad" in model.graph[0].attributes or "output_shape" in model.graph[0].attributes
    return node


def pads(node: ir.Node) -> list[int]:
    return list(node.attributes.get_ints("pads", ()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("extents", [(7, 8), (9, 6)])
@pytest.mark.parametrize("kernel", [(3, 2), (4, 5)])
@pytest.mark.parametrize("strides", [(1, 1), (1, 2), (3, 1)])
def test_convolutions(
    mode: str, extents: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int]
) -> None:
    explicit(
        f"""(float[N,2,{extents[0]},{extents[1]}] x) => (y) {{
            y = Conv<auto_pad="{mode}", strides={list(strides)}>(x, w) }}""",
        w=random(1, 3, 2, *kernel),
    )


def test_a_dilated_convolution_which_onnx_runtime_would_not_pad() -> None:
    model = parse(
        """(float[N,2,9] x) => (y) {
            y = Conv<auto_pad="SAME_LOWER", strides=[2], dilations=[3]>(x, w) }""",
        w=random(1, 3, 2, 2),
    )
    result = make_padding_explicit(model)
    assert pads(result.graph[0]) == [2, 1]
    assert run(result, {"x": random(2, 1, 2, 9)})["y"].shape == (1, 3, 5)


def test_an_odd_padding_goes_to_the_side_that_the_mode_names() -> None:
    text = '(float[N,2,8] x) => (y) {{ y = Conv<auto_pad="{mode}", strides=[2]>(x, w) }}'
    found = {mode: pads(explicit(text.format(mode=mode), w=random(1, 3, 2, 3))) for mode in MODES}
    assert found == {"SAME_UPPER": [0, 1], "SAME_LOWER": [1, 0], "VALID": [0, 0]}


def test_windows_smaller_than_their_stride_need_no_padding() -> None:
    node = explicit(
        '(float[N,2,6] x) => (y) { y = Conv<auto_pad="SAME_UPPER", strides=[4]>(x, w) }',
        w=random(1, 3, 2, 2),
    )
    assert pads(node) == [0, 0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "AveragePool<count_include_pad=1, "])
def test_pools(mode: str, ceil: int, stride: int, op: str) -> None:
    start = op if "<" in op else f"{op}<"
    explicit(f"""(float[N,2,8,7] x) => (y) {{
        y = {start}auto_pad="{mode}", ceil_mode={ceil}, kernel_shape=[3,2],
            strides=[{stride},{stride}]>(x) }}""")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(3, 2, 1), (4, 2, 1), (2, 3, 1), (5, 1, 1), (3, 2, 2)]
)
def test_transposed_convolutions(mode: str, kernel: int, stride: int, dilation: int) -> None:
    explicit(
        f"""(float[N,2,5] x) => (y) {{
            y = ConvTranspose<auto_pad="{mode}", strides=[{stride}], dilations=[{dilation}]>(x, w)
        }}""",
        w=random(1, 2, 3, kernel),
    )


@pytest.mark.parametrize("mode", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("size", [8, 9, 10, 11, 12])
def test_a_stated_output_shape(mode: str, size: int) -> None:
    explicit(
        f"""(float[N,2,5] x) => (y) {{
            y = ConvTranspose<auto_pad="{mode}", strides=[2], output_shape=[{size}]>(x, w, b) }}""",
        w=random(1, 2, 3, 3), b=random(2, 3),
    )  # fmt: skip


def test_explicit_padding_stays() -> None:
    model = parse("(float[N,2,5] x) => (y) { y = Conv<pads=[1,2]>(x, w) }", w=random(1, 3, 2, 3))
    assert pads(make_padding_explicit(model).graph[0]) == [1, 2]


def test_an_unknown_extent_keeps_its_mode() -> None:
    model = parse(
        '(float[N,2,L] x) => (y) { y = Conv<auto_pad="SAME_UPPER", strides=[2]>(x, w) }',
        w=random(1, 3, 2, 3),
    )
    node = make_padding_explicit(model).graph[0]
    assert node.attributes.get_string("auto_pad", "") == "SAME_UPPER"


def test_a_pad_in_front_joins_in() -> None:
    model = parse(
        """(float[N,2,5,5] x) => (y) {
            p = Pad(x, amounts)
            y = Conv<auto_pad="SAME_UPPER">(p, w) }""",
        amounts=np.array([0, 0, 1, 0, 0, 0, 0, 2]), w=random(1, 3, 2, 3, 3),
    )  # fmt: skip
    result = normalize(model)
    assert ops(fold_padding(model)) == ["Pad", "Conv"]
    assert ops(result) == ["Conv"]
    assert pads(result.graph[0]) == [2, 1, 1, 3]
    assert_same_function(model, result)
