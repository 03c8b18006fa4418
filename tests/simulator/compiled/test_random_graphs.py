# SPDX-License-Identifier: Apache-2.0
"""Machine code equals the other engines on random graphs of every op, arithmetic and width."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.targets.tvm.unsupported import Limit, problems
from tests.simulator.compiled.comparing import assert_compiled_agrees
from tests.simulator.random_graphs import STEPS, cases


@pytest.mark.parametrize("step", STEPS)
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_compiled_agrees_on_every_tensor(step: str, data: st.DataObject) -> None:
    case = data.draw(cases(step, most_steps=3))
    # What machine code refuses is for the other engine: products of more than 127 bits and more.
    refused = (Limit.WIDE_PRODUCT, Limit.TRAP)
    assume(all(limit not in refused for limit, _ in problems(case.graph)))
    assert_compiled_agrees(case.graph, case.inputs)
