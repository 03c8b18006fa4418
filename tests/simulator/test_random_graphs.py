# SPDX-License-Identifier: Apache-2.0
"""Engines agree on random graphs, and the random graphs reach everything."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import product
from typing import cast, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.ir.moves import PadMode
from intaglio.numerics.accumulator import AccumulationOrder, Overflow, Reduction
from intaglio.numerics.pairs import PairArithmetic, PairFunction
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Scaling, Step
from tests.simulator.engines import assert_engines_agree
from tests.simulator.random_graphs import STEPS, cases

SETTINGS = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("step", STEPS)
@SETTINGS
@given(data=st.data())
def test_engines_agree_on_every_tensor(step: str, data: st.DataObject) -> None:
    case = data.draw(cases(step))
    assert_engines_agree(case.graph, case.inputs)


def parts(value: object) -> Iterator[object]:
    """The classes and enumeration members that a value is made of."""
    yield value if isinstance(value, Enum) else type(value)
    if isinstance(value, tuple):
        for element in cast(tuple[object, ...], value):
            yield from parts(element)
    elif is_dataclass(value):
        for attribute in fields(value):
            yield from parts(getattr(value, attribute.name))


def test_every_op_and_every_arithmetic_is_reached() -> None:
    unions = (fixed.Op, Scaling, Step, PairArithmetic, fixed.SoftmaxAlgorithm, fixed.PoolArithmetic)
    missing = {member for union in unions for member in get_args(union)}
    enumerations = (
        AccumulationOrder,
        Reduction,
        BinaryFunction,
        Overflow,
        PadMode,
        PairFunction,
        QuantizeMethod,
        Rounding,
        fixed.SoftmaxNormalization,
    )
    missing |= {member for enumeration in enumerations for member in enumeration}
    # A trap ends the run; it has tests of its own.
    missing.remove(Overflow.TRAP)

    @settings(SETTINGS, max_examples=20, database=None, phases=[Phase.generate])
    @given(data=st.data())
    def reach(step: str, data: st.DataObject) -> None:
        for node in data.draw(cases(step, most_steps=1)).graph.nodes:
            missing.difference_update(parts(node.op))

    # Examples of one seed resemble each other: many seeds of few examples reach more.
    for number, step in product(range(10), STEPS):
        if missing:
            seed(number)(reach)(step=step)
    assert missing == set()
