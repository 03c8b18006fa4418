# SPDX-License-Identifier: Apache-2.0
"""What is counted in whole arrays equals the definition on random graphs."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Requantize
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import AccumulatorTrapped
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Stages
from intaglio.numerics.scalings.stages import MultiplyStep, SaturateStep, ShiftStep, WrapStep
from intaglio.simulator.statistics import ObservedProgram, observe, overflow_counts
from intaglio.simulator.statistics.tallies import bit_counts, channel_counts
from tests.simulator.engines import assert_same_tensor
from tests.simulator.random_graphs import cases
from tests.simulator.text_cases import fixed_graph

SETTINGS = settings(
    deadline=None,
    max_examples=30,
    # Whole graphs take long to shrink; the failing one is printed as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

COUNTED = (
    "conv2d",
    "conv_transpose2d",
    "matmul",
    "reduce_sum",
    "requantize",
    "pairwise",
    "clamp",
    "cast",
    "average_pool2d",
)


@pytest.mark.parametrize("step", COUNTED)
@SETTINGS
@given(data=st.data())
def test_counts_and_outputs_equal_the_definition(step: str, data: st.DataObject) -> None:
    case = data.draw(cases(step))
    expected = observe(case.graph, case.inputs)
    found = ObservedProgram(case.graph).run(case.inputs)
    assert found.statistics == expected.statistics
    assert list(found.outputs) == list(expected.outputs)
    for name, array in expected.outputs.items():
        assert_same_tensor("observed", name, found.outputs[name], array)


def sums(word: str, overflow: str, order: str = "bias-first") -> Graph:
    """Two channels: x0 + x1 + 3 and 100 x0 - 100 x1 - 3, then clamped to [-20, 20]."""
    accumulator = f"accumulator(type={word}, overflow={overflow}, order={order})"
    return fixed_graph(
        f"""
        %x: i8[2,2] = input
        %w: i8[2,2] = constant [1, 100, 1, -100]
        %b: i32[2] = constant [3, -3]
        %s: {word}[2,2] = mat_mul(%x, %w, %b) accumulator={accumulator}
        %y: i8[2,2] = clamp(%s) low=[-20] high=[20]
        """
    )


X = {"x": np.array([[127, 2], [-5, -128]], np.int8)}
"""Sums 132, 12497 and -130, 12297; the partial ones 3, 130, 132 and -3, 12697, 12497 and so on."""


def test_a_wrapping_accumulator_is_counted_by_its_exact_sums() -> None:
    (sum,) = ObservedProgram(sums("i8", "wrap")).run(X).statistics.accumulators
    assert (sum.results, sum.overflows, sum.additions) == (4, (2, 2), (0, 0))
    assert (sum.lowest, sum.highest) == ((-130, 12297), (132, 12497))
    # 132 and -130 need 9 bits, the others 15.
    assert sum.bits == (0,) * 9 + (2,) + (0,) * 5 + (2,)
    assert sum.headroom == {-7: 2, -1: 2}
    assert (sum.least_headroom, sum.channel_headroom) == (-7, (-1, -7))


def test_saturation_at_each_addition_counts_additions_and_results() -> None:
    (sum,) = ObservedProgram(sums("i8", "saturate-each-add")).run(X).statistics.accumulators
    # 3+127, then 127+2; -3+12700, then 127-200 | 3-5-128; -3-500, then -128+12800.
    assert (sum.overflows, sum.additions) == ((2, 2), (3, 3))


def test_registers_inside_a_requantizer_are_counted() -> None:
    steps = (
        SaturateStep(IntType(6, signed=True)),
        MultiplyStep(3),
        WrapStep(IntType(7, signed=True)),
        ShiftStep(1, Rounding.FLOOR),
    )
    plain = Requantizer(Stages(steps[1:2]), 0, -128, 127)
    builder = Builder("stages", Level.FIXED)
    x = builder.input("x", TensorType(IntType(8, signed=True), (4, 2)))
    op = Requantize((Requantizer(Stages(steps), 0, -128, 127), plain))
    y = builder.node("y", TensorType(IntType(8, signed=True), (4, 2)), op, [x])
    graph = builder.finish([y])
    # 40 is cut to 31; 3 * 31 and 3 * 22 wrap; 21 and -7 pass both.
    inputs = {"x": np.array([[40, 40], [22, 1], [21, 100], [-7, -7]], np.int8)}
    found, expected = ObservedProgram(graph).run(inputs), observe(graph, inputs)
    assert found.statistics == expected.statistics
    (codes,) = found.statistics.codes
    assert (codes.stages, codes.high) == ((3, 0), (0, 1))
    assert found.statistics.total.stages == 3


def test_a_bias_that_leaves_the_type_counts_once_for_each_sum() -> None:
    accumulator = "accumulator(type=i8, overflow=saturate-each-add)"
    graph = fixed_graph(
        f"""
        %x: i8[5,1] = input
        %w: i8[1,2] = constant [1, 1]
        %b: i32[2] = constant [300, 0]
        %y: i8[5,2] = mat_mul(%x, %w, %b) accumulator={accumulator}
        """
    )
    x = {"x": np.array([[-1], [0], [1], [2], [-128]], np.int8)}
    (sum,) = ObservedProgram(graph).run(x).statistics.accumulators
    # 300 becomes 127, to which 1 and 2 can't be added either.
    assert (sum.overflows, sum.additions) == ((5, 0), (7, 0))


def test_a_trap_ends_the_observation_as_it_ends_the_run() -> None:
    graph, x = sums("i8", "trap"), {"x": np.array([[127, 2], [0, 0]], np.int8)}
    with pytest.raises(AccumulatorTrapped, match="s"):
        ObservedProgram(graph).run(x)
    with pytest.raises(AccumulatorTrapped, match="s"):
        observe(graph, x)
    harmless = {"x": np.zeros((2, 2), np.int8)}
    found = ObservedProgram(graph).run(harmless).statistics
    assert found == observe(graph, harmless).statistics
    assert found.total.accumulator_overflows == 0


def test_an_accumulator_that_holds_everything_counts_nothing() -> None:
    for overflow in ("wrap", "saturate", "saturate-each-add"):
        statistics = ObservedProgram(sums("i15", overflow)).run(X).statistics
        (sum,) = statistics.accumulators
        assert (sum.overflows, sum.additions) == ((0, 0), (0, 0))
        assert sum.headroom == {0: 2, 6: 2}
        (codes,) = statistics.codes
        assert (codes.low, codes.high) == ((1, 0), (1, 2))


def test_partial_sums_are_counted_where_their_registers_overflow() -> None:
    registers = "partial_sums=partial_sums(length=2, type=i4, overflow=saturate)"
    graph = fixed_graph(
        f"""
        %x: i8[1,4] = input
        %w: i8[4,2] = constant [1, 1, 1, -1, 1, 1, 1, -1]
        %y: i8[1,2] = mat_mul(%x, %w) accumulator=accumulator(type=i8, {registers})
        """
    )
    # Tiles 5 + 4 and 3 + 2 of one channel, 5 - 4 and 3 - 2 of the other; registers hold up to 7.
    x = {"x": np.array([[5, 4, 3, 2]], np.int8)}
    found = ObservedProgram(graph).run(x)
    (sum,) = found.statistics.accumulators
    assert found.outputs["y"].tolist() == [[12, 2]]
    assert (sum.registers, sum.overflows, sum.additions) == ((1, 0), (0, 0), (0, 0))
    assert (sum.lowest, sum.highest) == ((14, 2), (14, 2))
    assert found.statistics.total.registers == 1


def test_headroom_is_measured_against_the_width_that_is_asked_for() -> None:
    program = ObservedProgram(sums("i15", "wrap"), widths={"s": 20})
    (sum,) = program.run(X).statistics.accumulators
    assert (sum.declared_bits, sum.headroom, sum.overflows) == (20, {5: 2, 11: 2}, (0, 0))


def test_statistics_of_two_runs_add_up() -> None:
    program = ObservedProgram(sums("i8", "saturate"))
    other = {"x": np.array([[1, 2], [3, 4]], np.int8)}
    both = program.run(X).statistics + program.run(other).statistics
    assert both.runs == 2
    (sum,) = both.accumulators
    assert (sum.results, sum.overflows) == (8, (2, 2))
    assert (sum.lowest, sum.highest) == ((-130, -103), (132, 12497))
    assert both == program.run(other).statistics + program.run(X).statistics
    total = overflow_counts(sums("i8", "saturate"), [X, other])
    assert total == both.total
    assert (total.saturations, total.wraps, total.accumulator_overflows) == (4, 0, 4)
    assert (total.codes, total.clamped_low, total.clamped_high) == (8, 3, 3)


@pytest.mark.parametrize(
    ("word", "values"),
    [
        (8, range(-128, 128)),
        (24, [s * (1 << k) + d for k in range(23) for s in (1, -1) for d in (-1, 0, 1)]),
        (40, [s * (1 << k) + d for k in range(39) for s in (1, -1) for d in (-1, 0, 1)]),
        (64, [s * (1 << k) + d for k in range(63) for s in (1, -1) for d in (-1, 0)]),
    ],
)
def test_bits_are_counted_at_every_edge(word: int, values: Iterable[int]) -> None:
    listed = list(values)
    expected = np.bincount([Interval(value, value).signed_bits for value in listed], minlength=65)
    type = IntType(word, signed=True)
    found = bit_counts(np.array(listed, type.dtype), type.interval)
    assert found.tolist() == expected.tolist()


def test_flags_are_counted_beyond_what_a_byte_holds() -> None:
    flags = np.ones((1000, 3), bool)
    flags[:, 1] = False
    flags[999, 2] = False
    assert channel_counts(flags, 3).tolist() == [1000, 0, 999]


@pytest.mark.parametrize(("rule", "expected"), [("saturate", [15, -16]), ("wrap", [4, -16])])
def test_channels_whose_registers_are_proved_keep_the_accumulators_rule(
    rule: str, expected: list[int]
) -> None:
    overflow = "" if rule == "wrap" else f", overflow={rule}"
    graph = fixed_graph(
        "%x: u8[1,1] = input\n"
        "%w: i8[1,2] = constant [1, 100]\n"
        f"%y: i5[1,2] = mat_mul(%x, %w) accumulator=accumulator(type=i5{overflow}, "
        "partial_sums=partial_sums(length=1, type=i10))\n"
    )
    found = ObservedProgram(graph).run({"x": np.array([[100]], np.uint8)})
    assert found.outputs["y"].tolist() == [expected]
    assert found.statistics.accumulators[0].overflows == (1, 1)
