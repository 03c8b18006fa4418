# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.normalization.supported import check_supported
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import parse, random


def test_every_offending_node_is_named_at_once() -> None:
    model = parse(
        """(float[N,4] x, float[4,3] q) => (y) {
            [first] a = Erf(x)
            [second] b = Gemm(a, q)
            c = Relu(b)
            [third] y = Sin(c) }"""
    )
    with pytest.raises(UnsupportedModel) as caught:
        check_supported(model)
    assert caught.value.problems == (
        "node first (Erf): there is no integer form of this operator",
        "node second (Gemm): its input q is computed by the model; it must be a stored constant",
        "node third (Sin): there is no integer form of this operator",
    )


def test_what_is_supported_comes_back_untouched() -> None:
    model = parse("(float[N,4] x) => (y) { y = Relu(x) }")
    assert check_supported(model) is model


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("y = Gemm<transA=1>(x, w)", r"transposes its input"),
        ("y = Gemm(x, w, w)", r"addend has the shape \[4, 4\], not one row of 4"),
        ("y = LeakyRelu<alpha=-0.5>(x)", r"slope -0.5 is negative"),
        ('y = Pad<mode="reflect">(x, p)', r"its mode is reflect"),
        ('e = Unsqueeze(x, p0) y = Resize<mode="cubic">(e, , s)', r"its mode is cubic"),
        ("e = Unsqueeze(x, p0) y, i = MaxPool<kernel_shape=[2]>(e)", r"it returns indices"),
        ("y = ArgMax(x)", r"no integer form"),
        ("y = Cast<to=10>(x)", r"output y: its type is FLOAT16"),
    ],
)
def test_forms_that_are_refused(text: str, reason: str) -> None:
    model = parse(
        f"(float[4,4] x) => (y) {{ {text} }}",
        w=random(1, 4, 4),
        p=np.array([0, 1, 0, 1]),
        p0=np.array([0]),
        s=np.array([1, 1, 2], dtype=np.float32),
    )
    with pytest.raises(UnsupportedModel, match=reason):
        check_supported(model)


def test_convolutions_with_computed_weights_are_refused() -> None:
    model = parse(
        "(float[N,2,5,5] x, float[3,2,3,3] w) => (y) { r = Relu(w)  [conv] y = Conv(x, r) }"
    )
    with pytest.raises(UnsupportedModel, match=r"node conv \(Conv\): its input r is computed"):
        check_supported(model)
