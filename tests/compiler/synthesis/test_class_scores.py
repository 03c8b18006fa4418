# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.synthesis.class_scores import ClassScores, find_class_scores
from tests.compiler.real.building import Array, parse, random

W = random(0, 10, 4, 8, 8)
HEAD = "a = Conv(x, w)"


@pytest.mark.parametrize(
    ("shape", "tail", "value"),
    [
        ("N,10,1,1", "y = Relu(a)", "y"),
        ("N,10,1,1", "y = Softmax <axis = 1> (a)", "a"),
        ("N,10,1,1", "y = LogSoftmax <axis = 1> (a)", "a"),
        ("N,10", "y = Flatten(a)", "y"),
        ("N,10", "b = Flatten(a) y = Softmax(b)", "b"),
        ("N,10", "b = Softmax <axis = 1> (a) y = Flatten(b)", "a"),
        ("N,10", "b = Softmax <axis = 1> (a) y = Reshape(b, to)", "a"),
        ("N,10", "b = Softmax <axis = 1> (a) y = Squeeze(b, last)", "a"),
        ("N,10", "b = Relu(a) y = Flatten(b)", "y"),
    ],
)
def test_scores_are_what_softmax_reads(shape: str, tail: str, value: str) -> None:
    constants: dict[str, Array] = {"w": W, "to": np.array([0, 10]), "last": np.array([2, 3])}
    used = {name: array for name, array in constants.items() if f"{name})" in HEAD + tail}
    model = parse(f"(float[N,4,8,8] x) => (float[{shape}] y) {{ {HEAD} {tail} }}", **used)
    assert find_class_scores(model) == ClassScores(value, 10)


def test_a_layer_of_products_may_end_the_network() -> None:
    model = parse("(float[N,4] x) => (float[N,3] y) { y = Gemm(x, w) }", w=random(0, 4, 3))
    assert find_class_scores(model) == ClassScores("y", 3)


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        ("(float[N,6] x) => (float[N,6] y) { a = Gemm(x, w) y = Gemm(a, v) }", {"w": 2, "v": 6}),
        ("(float[N,6] x) => (float[N,1] y) { a = Gemm(x, w) y = Sigmoid(a) }", {"w": 1}),
    ],
)
def test_autoencoders_and_single_probabilities_have_no_classes(
    text: str, constants: dict[str, int]
) -> None:
    extents = [6, *constants.values()]
    arrays = {n: random(0, extents[i], extents[i + 1]) for i, n in enumerate(constants)}
    assert find_class_scores(parse(text, **arrays)) is None


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ("N,10,8,8", "y = Conv <pads = [4,4,3,3]> (x, w)"),
        ("N,10,8,8", "a = Conv <pads = [4,4,3,3]> (x, w) y = Softmax <axis = 1> (a)"),
        ("N,5,2", "a = Conv(x, w) y = Reshape(a, to)"),
    ],
)
def test_maps_and_detectors_have_no_classes(shape: str, text: str) -> None:
    constants: dict[str, Array] = {"w": W}
    if "to)" in text:
        constants["to"] = np.array([0, 5, 2])
    model = parse(f"(float[N,4,8,8] x) => (float[{shape}] y) {{ {text} }}", **constants)
    assert find_class_scores(model) is None


def test_softmax_tells_classes_whatever_the_input_has() -> None:
    text = "(float[N,6] x) => (float[N,6] y) { a = Gemm(x, w) y = Softmax(a) }"
    assert find_class_scores(parse(text, w=random(0, 6, 6))) == ClassScores("a", 6)


def test_of_several_outputs_the_one_behind_a_softmax_has_the_classes() -> None:
    text = """(float[N,6] x) => (float[N,4] box, float[N,3] y) {
        box = Gemm(x, v) a = Gemm(x, w) y = Softmax(a)
    }"""
    model = parse(text, v=random(0, 6, 4), w=random(1, 6, 3))
    assert find_class_scores(model) == ClassScores("a", 3)
