# SPDX-License-Identifier: Apache-2.0
"""Intervals of values: tight on small graphs, and never left on random ones."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.text import parse_graph
from intaglio.errors import InvalidGraph
from intaglio.numerics.intervals import Interval
from tests.simulator.engines import ENGINES, trace
from tests.simulator.random_graphs import STEPS, cases


def ranges(text: str) -> dict[str, str]:
    """The interval of each value, as text."""
    return {name: str(found) for name, found in value_ranges(parse_graph(text)).items()}


def test_each_op_narrows_what_it_can() -> None:
    found = ranges("""
        graph example fixed
        %x: u8[1,2] = input
        %k: i8[2] = constant [-3, 5]
        %table: i8[16] = constant [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]
        %low: u8[1,2] = clamp(%x) low=[0, 2] high=[9, 7]
        %product: i12[1,2] = multiply(%low, %k) left_zero_point=0 right_zero_point=0
        %halved: i8[1,2] = requantize(%product)
            requantizers=[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=1,
                                      low=-128, high=20)]
        %cut: u4[1,2] = cast(%product) overflow=saturate
        %wrapped: u4[1,2] = cast(%product) overflow=wrap
        %again: u4[1,2] = cast(%low) overflow=wrap
        %looked_up: i8[1,2] = lookup(%again, %table)
        return %halved, %cut, %wrapped, %looked_up
    """)
    assert found["low"] == "[0, 9]"
    assert found["product"] == "[-27, 45]"
    assert found["halved"] == "[-13, 20]"
    assert found["cut"] == "[0, 15]"
    assert found["wrapped"] == "[0, 15]"
    assert found["looked_up"] == "[0, 9]"


def test_a_requantizer_that_isnt_monotone_there_is_known_by_its_clamp() -> None:
    found = ranges("""
        graph example fixed
        %x: i16[1] = input
        %y: i8[1] = requantize(%x)
            requantizers=[requantizer(scaling=multiply_add_shift(multiplier=65536, addend=0,
                          shift=24, rounding=floor, sum_type=i20), zero_point=0, low=-5, high=5)]
        return %y
    """)
    assert found["y"] == "[-5, 5]"


def test_every_channel_may_widen_what_a_requantizer_yields() -> None:
    """The first reaches its clamp, [-5, 5]; only the third reaches beyond 9."""
    requantizers = ", ".join(
        f"requantizer(scaling=shift(shift={shift}, rounding=floor), zero_point=0, "
        f"low={low}, high={high})"
        for shift, low, high in [(0, -5, 5), (4, -128, 127), (3, -9, 127)]
    )
    found = ranges(f"""
        graph example fixed
        %x: i8[1,3] = input
        %y: i8[1,3] = requantize(%x) requantizers=[{requantizers}]
        return %y
    """)
    assert found["y"] == "[-9, 15]"


def test_a_squared_difference_has_no_extremes_at_the_corners() -> None:
    found = ranges("""
        graph example fixed
        %x: i8[1] = input
        %y: i8[1] = pairwise(%x, %x) arithmetic=dequantized_pair(function=squared_difference,
            left_scale=f32(1.0), left_zero_point=0, right_scale=f32(1.0), right_zero_point=0,
            output_scale=f32(256.0), zero_point=-128, low=-128, high=127)
        return %y
    """)
    assert found["y"] == "[-128, 127]"


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@pytest.mark.parametrize("step", STEPS)
@given(data=st.data())
def test_no_value_leaves_its_interval(step: str, data: st.DataObject) -> None:
    case = data.draw(cases(step))
    proven = value_ranges(case.graph)
    for name, array in trace(ENGINES[0], case.graph, case.inputs).items():
        if name in proven:
            seen = Interval(int(array.min()), int(array.max()))
            assert proven[name].contains(seen), f"%{name} holds {seen}, proven {proven[name]}"
            assert case.graph.type_of(name).integer.interval.contains(proven[name])


def test_a_scaled_graph_is_refused() -> None:
    with pytest.raises(InvalidGraph, match="lower it first"):
        value_ranges(Builder("g", Level.SCALED).finish([]))
