# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of several tensors and matrix products as ONNX Runtime computes them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.real.building import Array, parse, random
from tests.compiler.synthesis.executing import (
    Attribute,
    assert_as_onnx_runtime,
    assert_gradients,
    one_node,
)

SHAPES = [(), (1,), (5,), (4, 1), (3, 1, 1), (3, 4, 5), (1, 3, 1, 1), (2, 1, 2, 3, 4, 5)]


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Max", "Min"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first", [False, True])
def test_constants_are_broadcast(op: str, shape: tuple[int, ...], first: bool) -> None:
    order = "c, x" if first else "x, c"
    model = parse(
        f"(float[2, 3, 4, 5] x) => (float[] y) {{ y = {op}({order}) }}", c=random(1, *shape)
    )
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Max", "Min", "MatMul"])
def test_gradients_reach_both_inputs(op: str) -> None:
    text = f"(float[2, 1, 3, 3] x, float[2, 3, 3] z) => (float[] y) {{ y = {op}(x, z) }}"
    assert_gradients(parse(text))


@pytest.mark.parametrize("op", ["Add", "Mul"])
def test_a_value_may_meet_itself(op: str) -> None:
    model = parse(f"(float[2, 3] x) => (float[2, 3] y) {{ y = {op}(x, x) }}")
    assert_as_onnx_runtime(model)
    assert_gradients(model)


@pytest.mark.parametrize("op", ["Max", "Min"])
@pytest.mark.parametrize("operands", ["x", "x, z", "x, c, z"])
def test_extrema_of_any_number(op: str, operands: str) -> None:
    nodes = f"y = {op}({operands}) u = Relu(z)"
    text = f"(float[2, 3] x, float[2, 3] z) => (float[] y, float[] u) {{ {nodes} }}"
    assert_as_onnx_runtime(parse(text, c=random(3, 3)))


@pytest.mark.parametrize(
    ("left", "right"),
    [((4, 5), (5, 3)), ((2, 4, 5), (5, 3)), ((2, 3, 4, 5), (3, 5, 2)), ((2, 5), (5,))],
)
def test_matrix_products(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    assert_as_onnx_runtime(one_node("MatMul", left, constants={"w": random(1, *right)}))


def test_a_vector_times_a_matrix() -> None:
    text = "(float[4] x) => (float[] y) { y = MatMul(x, w) }"
    assert_as_onnx_runtime(parse(text, w=random(1, 4, 3)))


@given(
    flips=st.tuples(st.booleans(), st.booleans()),
    factors=st.tuples(st.sampled_from([1.0, 0.5, -2.0]), st.sampled_from([1.0, 0.25, -3.0])),
    addend=st.sampled_from([None, (), (1,), (3,), (1, 3), (4, 1), (4, 3)]),
)
@settings(max_examples=60, deadline=None)
def test_gemm(
    flips: tuple[bool, bool], factors: tuple[float, float], addend: tuple[int, ...] | None
) -> None:
    chosen: dict[str, Attribute] = {
        "transA": int(flips[0]),
        "transB": int(flips[1]),
        "alpha": factors[0],
        "beta": factors[1],
    }
    constants: dict[str, Array] = {"w": random(1, *((3, 5) if flips[1] else (5, 3)))}
    if addend is not None:
        constants["c"] = np.asarray(random(2, *addend), np.float32)
    assert_as_onnx_runtime(one_node("Gemm", (5, 4) if flips[0] else (4, 5), chosen, constants))


def test_gradients_of_gemm() -> None:
    chosen: dict[str, Attribute] = {"transB": 1, "alpha": 0.5, "beta": 2.0}
    assert_gradients(one_node("Gemm", (4, 5), chosen, {"w": random(1, 3, 5), "c": random(2, 3)}))
