# SPDX-License-Identifier: Apache-2.0
"""Head and core together are the graph, and what is compared are the codes."""

import numpy as np

from intaglio.commands.sweep.cutting import cut
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import check
from intaglio.simulator import reference
from tests.commands.sweep.graphs import net


def test_both_parts_run_one_after_the_other() -> None:
    graph = net(batch=2)
    parts = cut(graph)
    check(parts.head)
    check(parts.core)
    image = np.array([[1.2, -60.0, 63.5], [0.0, 7.7, 1000.0]], np.float32)
    codes = reference.run(parts.head, {"image": image})
    assert list(codes) == [given.name for given in parts.core.inputs] == ["q"]
    found = reference.run(parts.core, codes)
    (expected,) = reference.run(graph, {"image": image}).values()
    assert found["logits"].tobytes() == expected.tobytes()
    assert found["y"].dtype == np.int8
    (output,) = parts.outputs
    assert (output.value, output.code, output.bits) == ("logits", "y", 8)
    assert parts.core.inputs[0].source == "image"


def test_what_is_no_border_stays_in_the_core() -> None:
    text = """\
graph net fixed
%a: i8[1,2] = input
%b: f32[1,2] = input
%first: i8[1,2] = quantize(%b) scale=f32(0.5) zero_point=0 rounding=half-even
%second: i8[1,2] = quantize(%b) scale=f32(2.0) zero_point=0 rounding=half-even
%sum: i9[1,2] = add(%a, %first)
%more: i10[1,2] = add(%sum, %second)
return %more, %a
"""
    parts = cut(parse_graph(text))
    assert parts.head.nodes == ()
    assert parts.head.outputs == ("a", "b")
    assert [given.name for given in parts.core.inputs] == ["a", "b"]
    assert [(each.code, each.bits) for each in parts.outputs] == [("more", 10), ("a", 8)]
