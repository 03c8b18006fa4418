# SPDX-License-Identifier: Apache-2.0
"""100,000 accumulators through requantizers of every kind: alone, and behind a matrix product."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import MatMul, Requantize
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import RationalMultiply, Scaling
from intaglio.simulator import compiled, vectorized
from tests.simulator.random_arithmetic import SCALINGS, requantizers

I32, U8, I8 = IntType(32, signed=True), IntType(8, signed=False), IntType(8, signed=True)
CHANNELS = 40
CASES = 100_000
ONCE = settings(
    deadline=None,
    database=None,
    max_examples=4,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def alone(found: list[Requantizer], rows: int) -> Graph:
    builder = Builder("alone", Level.FIXED)
    x = builder.input("x", TensorType(I32, (rows, CHANNELS)))
    y = TensorType(I8, (rows, CHANNELS))
    return builder.finish([builder.node("y", y, Requantize(tuple(found)), [x])])


def behind_a_product(found: list[Requantizer], rows: int) -> Graph:
    rng = np.random.default_rng(7)
    builder = Builder("product", Level.FIXED)
    x = builder.input("x", TensorType(U8, (rows, 8)))
    weights = rng.integers(-128, 128, (8, CHANNELS))
    bias = rng.integers(-(1 << 20), 1 << 20, CHANNELS)
    operands = [
        x,
        builder.constant("w", TensorType(I8, weights.shape), weights),
        builder.constant("b", TensorType(I32, bias.shape), bias),
    ]
    shape = (rows, CHANNELS)
    sums = builder.node("sums", TensorType(I32, shape), MatMul(Accumulator(I32)), operands)
    codes = TensorType(I8, shape)
    return builder.finish([builder.node("y", codes, Requantize(tuple(found)), [sums])])


def accumulators(rows: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Uniform values, small ones, multiples of powers of two, and the ends of the type."""
    rng = np.random.default_rng(3)
    shape = (rows, CHANNELS)
    x = rng.integers(I32.minimum, I32.maximum, shape, endpoint=True)
    ties = x >> rng.integers(0, 31, shape) << rng.integers(0, 24, shape)
    chosen = rng.integers(0, 3, shape)
    x = np.where(chosen == 0, rng.integers(-5000, 5000, shape), np.where(chosen == 1, ties, x))
    x = np.clip(x, I32.minimum, I32.maximum)
    x[0], x[1], x[2] = I32.minimum, I32.maximum, 0
    return x.astype(np.int32)


@pytest.mark.parametrize("kind", SCALINGS, ids=lambda kind: kind.__name__)
def test_compiled_agrees(kind: type[Scaling]) -> None:
    @seed(11)
    @ONCE
    @given(st.lists(requantizers(I8, SCALINGS[kind]), min_size=CHANNELS, max_size=CHANNELS))
    def compare(found: list[Requantizer]) -> None:
        rows = CASES // CHANNELS // 4 + 1
        x = accumulators(rows)
        graph = alone(found, rows)
        y = compiled.run(graph, {"x": x})["y"]
        np.testing.assert_array_equal(y, vectorized.run(graph, {"x": x})["y"])
        for channel, requantizer in enumerate(found):
            exact = [requantizer.apply(int(value)) for value in x[:20, channel]]
            assert y[:20, channel].tolist() == exact
        rng = np.random.default_rng(5)
        codes = rng.integers(0, 256, (rows, 8), dtype=np.uint8)
        graph = behind_a_product(found, rows)
        np.testing.assert_array_equal(
            compiled.run(graph, {"x": codes})["y"], vectorized.run(graph, {"x": codes})["y"]
        )

    compare()


@pytest.mark.parametrize("count", [1, CHANNELS])
def test_divisions_of_two_words_have_no_vectors(count: int) -> None:
    """Alone in its vectors, and behind a product."""
    rng = np.random.default_rng(9)
    found = [
        Requantizer(
            RationalMultiply(
                int(rng.integers(1 << 40, 1 << 45)), (1 << 62) + 2 * channel + 1, Rounding.HALF_EVEN
            ),
            3,
            -128,
            127,
        )
        for channel in range(count)
    ]
    x = accumulators(100)
    graph = alone(found, 100)
    np.testing.assert_array_equal(
        compiled.run(graph, {"x": x})["y"], vectorized.run(graph, {"x": x})["y"]
    )
    codes = rng.integers(0, 256, (9, 8), dtype=np.uint8)
    graph = behind_a_product(found, 9)
    np.testing.assert_array_equal(
        compiled.run(graph, {"x": codes})["y"], vectorized.run(graph, {"x": codes})["y"]
    )
