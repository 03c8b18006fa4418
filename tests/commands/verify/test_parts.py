# SPDX-License-Identifier: Apache-2.0
"""Feeds, parts of a trace, and what comparisons add up to; nothing is emulated."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from intaglio.commands.verify import verification
from intaglio.commands.verify.feeds import random_feeds
from intaglio.commands.verify.findings import Findings
from intaglio.commands.verify.programs import hidden_tensors, parts, room
from intaglio.commands.verify.targets import parse_targets
from intaglio.commands.verify.verification import Count
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.targets.tvm.arm_machines import ARM_MACHINES
from intaglio.errors import EmulationFailed, IntaglioError, InvalidOption, MissingTool
from intaglio.simulator.emulated.measurements import Instructions, read_counts
from tests.compiler.targets.tvm.test_artifact import BORDERS
from tests.simulator.text_cases import fixed_graph

CHAIN = """
%x: i8[2,300] = input
%a: i9[2,300] = add(%x, %x)
%b: i8[2,300] = cast(%a) overflow=saturate
%c: i8[2,300] = clamp(%b) low=[-9] high=[9]
%d: i9[2,300] = add(%c, %x)
%y: i8[2,300] = cast(%d) overflow=wrap
"""


def test_what_steps_hide_is_shown_in_parts_that_fit() -> None:
    graph = fixed_graph(CHAIN)
    hidden = hidden_tensors(graph)
    assert hidden == ("a", "b", "d")
    for part in (together := list(parts(graph, hidden, 1 << 20))):
        check(part)
    assert [part.outputs for part in together] == [("a", "b", "d")]
    # 1,200 bytes for each i9, 600 for the i8, and guards.
    assert [part.outputs for part in parts(graph, hidden, 2400)] == [("a", "b"), ("d",)]
    assert [part.outputs for part in parts(graph, hidden, 0)] == [("a",), ("b",), ("d",)]
    assert list(parts(graph, (), 100)) == []


def test_room_is_what_a_board_leaves() -> None:
    assert room(16 << 20, 3 << 20) == 12 << 20
    assert room(1 << 20, 3 << 20) == 0
    assert room(None, 1 << 40) > 100_000_000


def test_random_codes_are_all_codes_and_come_in_whole_batches() -> None:
    graph = fixed_graph(CHAIN)
    feeds = random_feeds(graph, 5, 0)
    assert (len(feeds.runs), feeds.samples, feeds.random) == (3, 6, True)
    assert feeds.source == "6 samples of random codes, seed 0"
    drawn = np.concatenate([run["x"] for run in feeds.runs])
    assert drawn.dtype == np.int8
    assert (drawn.min(), drawn.max()) == (-128, 127)
    assert np.array_equal(drawn[:2], random_feeds(graph, 1, 0).runs[0]["x"])
    assert not np.array_equal(drawn[:2], random_feeds(graph, 1, 1).runs[0]["x"])


def test_random_reals_reach_beyond_the_codes() -> None:
    graph = fixed_graph(BORDERS)
    drawn = np.concatenate([run["x"] for run in random_feeds(graph, 300, 0).runs])
    # Codes 0 to 255 less 3, in steps of one half.
    assert drawn.dtype == np.float32
    assert -8 < drawn.min() < -1.5 < 126 < drawn.max() < 133


def test_the_first_difference_is_that_of_the_first_tensor() -> None:
    findings = Findings(["x", "a", "b"])
    zeros = np.zeros((2, 3), np.int8)
    wrong = zeros.copy()
    wrong[1, 2] = 7
    findings.add(0, {"b": wrong, "a": zeros}, {"a": zeros, "b": zeros})
    findings.add(1, {"a": wrong}, {"a": zeros, "b": zeros})
    findings.add(2, {"a": wrong}, {"a": wrong, "b": zeros})
    found = findings.comparison()
    assert (found.tensors, found.values, found.differing) == (2, 24, 2)
    assert findings.differing == ("a", "b")
    first = found.first
    assert first is not None
    assert (first.tensor, first.run, first.index) == ("a", 1, (1, 2))
    assert (first.found, first.expected) == ("7", "0")


def test_targets_are_named_once() -> None:
    assert parse_targets(["cortex-m55", "all"])[0] == "cortex-m55"
    assert sorted(parse_targets(["cortex-m55", "all"])) == sorted(ARM_MACHINES)
    with pytest.raises(InvalidOption, match="did you mean cortex-m4"):
        parse_targets(["cortex-m44"])
    with pytest.raises(InvalidOption, match=r"code for 3 targets.*aarch64\+dotprod"):
        parse_targets(["aarch64+fat"])


def counted(device: Any, graph: Graph) -> tuple[Count | None, str | None]:
    return verification.count_run(graph, device, {})


class WithoutPlugins:
    """A device whose emulator says something else than counts."""

    manifest: Mapping[str, Any] = {"kernels": []}

    def __init__(self, said: IntaglioError) -> None:
        self._said = said

    def count(self, sample: Mapping[str, Array]) -> Instructions:
        raise self._said


def test_an_emulator_without_plugins_counts_nothing() -> None:
    graph = fixed_graph(CHAIN)
    failed = EmulationFailed("cortex-m4", "running failed; -plugin: invalid option", "report it")
    assert counted(WithoutPlugins(failed), graph) == (None, str(failed))
    missing = MissingTool("gcc", "install it")
    assert counted(WithoutPlugins(missing), graph) == (None, str(missing))
    with pytest.raises(EmulationFailed, match="fault"):
        counted(WithoutPlugins(EmulationFailed("cortex-m4", "ended with a fault", "report")), graph)


def test_calls_that_do_not_match_the_steps_have_no_layers() -> None:
    once, twice = "100 40 50 9 1 30 20", "190 80 100 9 2 60 40"
    calls = [("k",), ("j",)]
    found = read_counts(once, twice, ["k", "j"], calls)
    assert (found.total, found.by_step) == (90, (30, 20))
    assert found.by_function == {"k": 40, "j": 50}
    assert read_counts(once, twice, ["k", "j"], [("k", "j", "k")]).by_step == ()
    assert read_counts(once, twice, ["k", "j"], [("k", "j")]).by_step == (50,)
