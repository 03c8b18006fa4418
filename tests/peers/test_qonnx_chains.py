# SPDX-License-Identifier: Apache-2.0
"""What may stand between a product of codes and the next Quant, against qonnx.

Scales are powers of two, so that every float32 sum is exact and nothing may differ.
"""

import numpy as np
import onnx
import pytest

from intaglio.compiler.ir.graph import Array
from tests.frontends.onnx.qonnx.models import content, model_of, node, quantizer, scalar
from tests.peers.qonnx.tensors import compared, imported, run_qonnx

pytestmark = pytest.mark.peer

RNG = np.random.default_rng(4)


def quant(
    name: str, scale: str, output: str, mode: str = "ROUND", signed: int = 1
) -> onnx.NodeProto:
    return quantizer(
        "Quant", [name, scale, "z", "b"], output, signed=signed, narrow=0, rounding_mode=mode
    )


def normal(*shape: int) -> Array:
    return RNG.normal(0, 1, shape).astype(np.float32)


CONSTANTS: dict[str, Array] = {
    "z": scalar(0),
    "b": scalar(4),
    "s": scalar(0.25),
    "s2": scalar(0.5),
    "s3": scalar(1.0),
}


def assert_equal(
    nodes: list[onnx.NodeProto],
    shape: tuple[int, ...],
    constants: dict[str, Array],
    result: tuple[int, ...],
) -> None:
    """Every tensor of codes equals qonnx's, on 20 inputs; the last one, y, is among them."""
    data = content(nodes, shape, {**CONSTANTS, **constants}, result)
    runs = [[(RNG.integers(-40, 40, shape) / 16).astype(np.float32)] for _ in range(20)]
    found = compared(imported(model_of(data)), run_qonnx(data, runs), runs)
    assert "y" in {each.tensor for each in found}
    assert {each.tensor: each.count for each in found if each.count} == {}


def normalization(channels: int) -> dict[str, Array]:
    return {
        "gamma": normal(channels),
        "beta": normal(channels),
        "mean": normal(channels),
        "var": np.abs(normal(channels)) * 30,
    }


@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolutional_block(by_channel: bool, groups: int) -> None:
    """Conv with a bias, a normalization whose factors have either sign, Relu, MaxPool."""
    scales = 2.0 ** RNG.integers(-4, 2, (6 if groups != 4 else 8, 1, 1, 1))
    outputs = scales.shape[0]
    nodes = [
        quant("x", "s", "xq"),
        quant("w", "sw", "wq"),
        node("Conv", ["xq", "wq", "bias"], "c", pads=[1, 1, 1, 1], group=groups),
        node("BatchNormalization", ["c", "gamma", "beta", "mean", "var"], "n", epsilon=1e-5),
        node("Relu", ["n"], "r"),
        quant("r", "s2", "q", "HALF_UP", 0),
        node("MaxPool", ["q"], "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Mul", ["p", "half"], "m"),
        quant("m", "s", "y", "FLOOR"),
    ]
    constants = {
        "w": normal(outputs, 4 // groups, 3, 3),
        "sw": scales.astype(np.float32) if by_channel else scalar(0.5),
        "bias": normal(outputs),
        "half": scalar(0.5),
        **normalization(outputs),
    }
    assert_equal(nodes, (1, 4, 10, 14), constants, (1, outputs, 5, 7))


def test_pooling_before_the_quant() -> None:
    """A Quant behind a MaxPool of float32: codes are pooled instead."""
    nodes = [
        quant("x", "s", "xq"),
        quant("w", "s", "wq"),
        node("Conv", ["xq", "wq"], "c"),
        node("Add", ["c", "shift"], "a"),
        node("MaxPool", ["a"], "p", kernel_shape=[2, 2]),
        quant("p", "s2", "y", "CEIL"),
    ]
    constants = {"w": normal(3, 2, 2, 2), "shift": normal(3, 1, 1)}
    assert_equal(nodes, (1, 2, 6, 7), constants, (1, 3, 4, 5))


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Min", "Max"])
@pytest.mark.parametrize("constant_first", [False, True])
@pytest.mark.parametrize("by_channel", [False, True])
def test_one_operation(op: str, constant_first: bool, by_channel: bool) -> None:
    if op == "Div" and constant_first:
        return
    operands = ["k", "m"] if constant_first else ["m", "k"]
    nodes = [
        quant("x", "s", "xq"),
        quant("w", "s", "wq"),
        node("MatMul", ["xq", "wq"], "m"),
        node(op, operands, "o"),
        quant("o", "s2", "y", "HALF_DOWN"),
    ]
    constants = {"w": normal(5, 4), "k": normal(4) if by_channel else normal(1)}
    assert_equal(nodes, (3, 5), constants, (3, 4))


def test_a_chain_of_many() -> None:
    nodes = [
        node("Mul", ["x", "two"], "x2"),
        node("Sub", ["x2", "k"], "x3"),
        quant("x3", "s", "xq", "UP"),
        quant("w", "s", "wq"),
        node("Gemm", ["xq", "wq", "bias"], "m", transB=1),
        node("Div", ["m", "by"], "d"),
        node("Neg", ["d"], "e"),
        node("Clip", ["e", "low", "high"], "f"),
        node("Sub", ["k", "f"], "g"),
        quant("g", "s2", "y", "DOWN"),
    ]
    constants = {
        "two": scalar(2),
        "k": scalar(0.3),
        "w": normal(4, 5),
        "bias": normal(4),
        "by": np.abs(normal(4)) + np.float32(0.1),
        "low": scalar(-2.5),
        "high": scalar(1.3),
    }
    assert_equal(nodes, (3, 5), constants, (3, 4))


def test_sums_and_products_of_codes() -> None:
    """A residual: two values of different scales, then values on a grid without any Quant."""
    nodes = [
        quant("x", "s", "a"),
        quant("x", "s2", "b2", "FLOOR"),
        node("Add", ["a", "b2"], "sum"),
        quant("sum", "s2", "c"),
        node("Mul", ["c", "a"], "product"),
        node("Relu", ["product"], "r"),
        node("Sub", ["r", "b2"], "difference"),
        quant("difference", "s", "d", "CEIL"),
        node("Mul", ["d", "twice"], "e"),
        quant("w", "s", "wq"),
        node("MatMul", ["e", "wq"], "m"),
        quant("m", "s3", "y"),
    ]
    assert_equal(nodes, (3, 5), {"w": normal(5, 4), "twice": scalar(2)}, (3, 4))


def test_a_product_of_two_values() -> None:
    nodes = [
        quant("x", "s", "a"),
        node("Transpose", ["a"], "t", perm=[0, 2, 1]),
        node("MatMul", ["a", "t"], "m"),
        quant("m", "s3", "y", "HALF_UP"),
    ]
    assert_equal(nodes, (2, 3, 4), {}, (2, 3, 3))


def test_what_is_rearranged_before_the_quant() -> None:
    nodes = [
        quant("x", "s", "a"),
        quant("w", "s", "wq"),
        node("Conv", ["a", "wq"], "c"),
        node("Flatten", ["c"], "f"),
        node("Add", ["f", "k"], "g"),
        node("Concat", ["g", "g"], "h", axis=1),
        quant("h", "s2", "y"),
    ]
    constants = {"w": normal(3, 2, 2, 2), "k": scalar(0.1)}
    assert_equal(nodes, (1, 2, 3, 3), constants, (1, 24))


def test_a_normalization_to_the_last_bit() -> None:
    """At the end of a model its float32 results show themselves."""
    nodes = [
        quant("x", "s", "a"),
        node("BatchNormalization", ["a", "gamma", "beta", "mean", "var"], "y", epsilon=1e-5),
    ]
    assert_equal(nodes, (50, 128), normalization(128), (50, 128))
