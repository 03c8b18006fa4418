# SPDX-License-Identifier: Apache-2.0
"""Requantizers that multiply floats give the simulator's bits in integers, on every processor."""

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import MatMul, Requantize
from intaglio.compiler.ir.graph import Array, Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.integer_scalings import integer_scalings
from intaglio.compiler.targets.tvm import artifact
from intaglio.compiler.targets.tvm.arm_machines import ARM_MACHINES
from intaglio.errors import UnsupportedModel
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    MultiplyShift,
)
from tests.simulator.emulated.devices import assert_device_agrees, random_samples

pytestmark = pytest.mark.emulated

INT8 = IntType(8, signed=True)
ROWS = 64


def requantizers() -> list[Requantizer]:
    random = Random(5)
    factors = [random.uniform(0.5, 2) * 2.0 ** -random.randrange(-3, 20) for _ in range(17)]
    factors += [2.0**-8, 0.75, 0.0, 1e-20, -0.01]
    found = [
        Requantizer(Float32Multiply(Float32.from_value(factor)), random.randrange(-5, 5), -128, 127)
        for factor in factors
    ]
    found[5] = replace(found[5], scaling=MultiplyShift(1234567, 30, Rounding.HALF_TOWARD_POSITIVE))
    return found


def wide_requantizers() -> list[Requantizer]:
    """Into 32 bits, where every bit of a product shows."""
    factors = (1.0, 0.5, 0.75, 1.5, 3.0, 1.0000001, 0.99999994, 0.1, 0.3, 0.0123, -0.7, 100.0)
    return [
        Requantizer(Float32Multiply(Float32.from_value(factor)), 0, INT32.minimum, INT32.maximum)
        for factor in factors
    ]


def graph_of(found: list[Requantizer]) -> Graph:
    builder = Builder("scalings", Level.FIXED)
    x = builder.input("x", TensorType(INT32, (ROWS, len(found))))
    word = INT8 if found[0].high < 128 else INT32
    codes = TensorType(word, (ROWS, len(found)))
    return builder.finish([builder.node("y", codes, Requantize(tuple(found)), [x])])


def accumulators(found: list[Requantizer]) -> list[dict[str, Array]]:
    """Of every magnitude, and beside the halves between codes."""
    rng = np.random.default_rng(0)
    shape = (ROWS, len(found))
    samples = [
        rng.integers(INT32.minimum, INT32.maximum, shape, endpoint=True)
        >> rng.integers(0, 31, shape)
        for _ in range(30)
    ]
    # Of 24 bits and few more: ties of the first rounding, above even and above odd.
    samples += [rng.integers(-(1 << 27), 1 << 27, shape) & -(1 << low) for low in (1, 2, 3)]
    for first in range(-132, 132, ROWS):
        halves = np.zeros(shape)
        for channel, each in enumerate(found):
            factor = each.scaling.factor.value if isinstance(each.scaling, Float32Multiply) else 1.0
            codes = np.arange(first, first + ROWS) + 0.5
            halves[:, channel] = codes / (factor if abs(factor) > 1e-8 else 1.0)
        for step in (-1, 0, 1):
            samples.append(np.rint(halves).astype(np.int64) + step)
    return [{"x": np.clip(x, INT32.minimum, INT32.maximum).astype(np.int32)} for x in samples]


def _unchanged(graph: Graph) -> Graph:
    return graph


@pytest.mark.parametrize("target", ["aarch64", "cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("searched", [False, True], ids=["as they are", "with equal multipliers"])
def test_devices_agree(target: str, searched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = requantizers()
    graph = graph_of(found)
    if searched:
        assert integer_scalings(graph) != graph
    else:
        monkeypatch.setattr(artifact, "integer_scalings", _unchanged)
    assert_device_agrees(graph, target, accumulators(found))


@pytest.mark.parametrize("target", ["aarch64", "cortex-m0plus", "cortex-m4"])
def test_devices_agree_on_every_bit_of_products(target: str) -> None:
    found = wide_requantizers()
    assert integer_scalings(graph_of(found)) == graph_of(found)
    assert_device_agrees(graph_of(found), target, accumulators(found))


def behind_a_product(found: list[Requantizer]) -> Graph:
    rng = np.random.default_rng(7)
    builder = Builder("product", Level.FIXED)
    x = builder.input("x", TensorType(INT8, (ROWS, 16)))
    weights = rng.integers(-128, 128, (16, len(found)))
    bias = rng.integers(-(1 << 14), 1 << 14, len(found))
    operands = [
        x,
        builder.constant("w", TensorType(INT8, weights.shape), weights),
        builder.constant("b", TensorType(INT32, bias.shape), bias),
    ]
    shape = (ROWS, len(found))
    sums = builder.node("sums", TensorType(INT32, shape), MatMul(Accumulator(INT32)), operands)
    codes = TensorType(INT8, shape)
    return builder.finish([builder.node("y", codes, Requantize(tuple(found)), [sums])])


def adding(factor: float, addend: float) -> Requantizer:
    scaling = Float32MultiplyAdd(Float32.from_value(factor), Float32.from_value(addend))
    return Requantizer(scaling, 0, -128, 127)


ADDING = [adding(0.02 + n / 90, 3.7 - n) for n in range(12)]
EVEN = [
    Requantizer(Float32Multiply(Float32.from_value(2.0**-n)), 1, -128, 127) for n in range(1, 13)
]


@pytest.mark.parametrize("target", ["aarch64+dotprod", "cortex-m4", "cortex-m55"])
def test_every_form_serves_behind_a_product(target: str) -> None:
    for found in (requantizers(), ADDING, EVEN):
        graph = behind_a_product(found)
        assert integer_scalings(graph) != graph
        assert_device_agrees(graph, target, random_samples(graph, 20))


def test_what_float64_alone_does_is_refused_by_name(tmp_path: Path) -> None:
    scaling = Float64Multiply(Float64.from_value(0.3))
    graph = graph_of([Requantizer(scaling, 0, INT32.minimum, INT32.maximum)])
    with pytest.raises(UnsupportedModel, match=r"y \(\): found a product in float64"):
        artifact.write_artifact(graph, "net", tmp_path, ARM_MACHINES["cortex-m4"])
