# SPDX-License-Identifier: Apache-2.0
"""Truncated products, partial sums and sums held after each addition, of every op and width."""

import pytest

from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.numerics.accumulator import Accumulator
from intaglio.simulator import compiled
from intaglio.simulator.compiled import loading
from tests.simulator import sums_in_order
from tests.simulator.engines import assert_engines_agree, assert_same_tensor
from tests.simulator.sums_in_order import each, mixed, ops_in_turn

FORMS = {
    "trees": sums_in_order.trees([*range(1, 18), 0]),
    "mixed": mixed(48, 1),
    "each": [each(bits) for bits in (2, 5, 8, 11, 14, 17, 20, 31, 32, 33, 48, 63)],
}


@pytest.mark.parametrize("name", FORMS)
def test_any_machine_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(Instructions.PORTABLE))
    assert_agrees(FORMS[name])


def assert_agrees(accumulators: list[Accumulator]) -> None:
    graph, inputs = ops_in_turn(accumulators)
    expected = assert_engines_agree(graph, inputs)
    for name, array in compiled.run(graph, inputs).items():
        assert_same_tensor("compiled", name, array, expected[name])
