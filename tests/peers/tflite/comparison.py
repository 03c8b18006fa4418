# SPDX-License-Identifier: Apache-2.0
"""Demand that a profile gives a runtime's own codes."""

import platform
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.compiler.ir import scaled
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.profile import Profile
from intaglio.simulator import vectorized
from tests.peers.tflite.draw import KINDS, Draw
from tests.peers.tflite.runtime import run
from tests.peers.tflite.single_op import Array, Case
from tests.peers.tflite.subjects import KNOWN, Difference, Subject
from tests.simulator.engines import assert_engines_agree, assert_engines_agree_elementwise

_NONE = Difference(0, "nothing is known to differ")
_ELEMENTWISE = (
    scaled.Add,
    scaled.Subtract,
    scaled.Multiply,
    scaled.Minimum,
    scaled.Maximum,
    scaled.SquaredDifference,
    scaled.Unary,
    scaled.Requantize,
)


def demand_equal_codes(subject: Subject, runtime: Peer, profile: Profile) -> None:
    """Every code of every case in each dtype, but for those that are known and counted.

    All cases go to one process of the runtime, which takes longer to start than to compute.
    """
    if platform.machine() != "x86_64":
        pytest.skip(f"profile {profile.name} is compared on x86-64, not on {platform.machine()}")
    dtypes = subject.dtypes_of(runtime)
    cases = [(dtype, case) for dtype in dtypes for k in KINDS for case in _cases(subject, dtype, k)]
    answer = run(runtime, [case for _, case in cases])
    assert f"{answer.program}, {runtime.about.kernels}, x86-64" in profile.checked_against
    differing: dict[Any, dict[str, int]] = {dtype: {} for dtype in dtypes}
    agreed: set[tuple[Any, str]] = set()
    delegated: dict[Any, set[bool]] = {dtype: set() for dtype in dtypes}
    answers = zip(cases, answer.results, answer.delegated, strict=True)
    for (dtype, case), expected, by_delegate in answers:
        kind = case.label.partition(" ")[0]
        found = _codes(case, profile, every_engine=(dtype, kind) not in agreed)
        agreed.add((dtype, kind))
        delegated[dtype].add(by_delegate)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        count = int(np.count_nonzero(_bits(found) != _bits(expected)))
        if count:
            differing[dtype][case.label] = count
    for dtype in dtypes:
        assert delegated[dtype] == {runtime is Peer.LITERT and dtype in subject.delegated}
        known = KNOWN.get((subject.name, dtype, runtime), _NONE)
        found_here = differing[dtype]
        assert sum(found_here.values()) == known.count, (dtype, found_here, known.reason)


def _cases(subject: Subject, dtype: Any, kind: str) -> Iterator[Case]:
    """Two draws, more where few tell; of the wider codes, which take longer, one or none."""
    coarse, wide = kind == "coarse", np.dtype(dtype).itemsize > 1
    for seed in range(not coarse if wide else 8 if coarse else 2):
        for case in subject.cases(
            Draw(np.random.default_rng([KINDS.index(kind), seed]), kind, dtype)
        ):
            yield Case(f"{kind} {seed}: {case.label}", case.graph, case.feeds, case.operator)


def _codes(case: Case, profile: Profile, every_engine: bool) -> Array:
    """By all engines, which takes long, or by the quick one."""
    graph = select_arithmetic(case.graph, profile)
    if every_engine:
        elementwise = all(isinstance(node.op, _ELEMENTWISE) for node in case.graph.nodes)
        agree = assert_engines_agree_elementwise if elementwise else assert_engines_agree
        return agree(graph, case.feeds)[graph.outputs[0]]
    return vectorized.run(graph, case.feeds, None)[graph.outputs[0]]


def _bits(array: Array) -> Array:
    return array.view(np.uint32) if array.dtype == np.float32 else array
