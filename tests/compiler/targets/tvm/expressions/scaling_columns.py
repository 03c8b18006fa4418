# SPDX-License-Identifier: Apache-2.0
"""Scalings by channel, compiled in one graph, against what each makes of exact integers."""

from collections.abc import Sequence

import numpy as np
import pytest

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Requantize
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Scaling
from intaglio.simulator import compiled
from intaglio.simulator.compiled import loading

I32 = IntType(32, signed=True)


def assert_exact(
    columns: Sequence[Sequence[Scaling]],
    x: Sequence[int],
    type: IntType,
    instructions: Instructions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each row of ``columns`` is a node; its scalings are those of its channels."""
    monkeypatch.setattr(loading, "host", lambda: host(instructions))
    channels = len(columns[0])
    shape = (len(x), channels)
    given = np.broadcast_to(np.array(x).reshape(-1, 1), shape).astype(type.dtype)
    builder = Builder("scalings", Level.FIXED)
    operand = builder.input("x", TensorType(type, shape))
    names: list[str] = []
    for scalings in columns:
        found = tuple(Requantizer(s, 0, I32.minimum, I32.maximum) for s in scalings)
        names.append(builder.node("y", TensorType(I32, shape), Requantize(found), [operand]))
    results = compiled.run(builder.finish(names), {"x": given})
    for name, scalings in zip(names, columns, strict=True):
        for channel, scaling in enumerate(scalings):
            expected = [I32.saturate(scaling.apply(value)) for value in x]
            assert results[name][:, channel].tolist() == expected, scaling
