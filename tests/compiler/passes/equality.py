# SPDX-License-Identifier: Apache-2.0
"""What every pass owes: a valid graph with the same interface and the same outputs."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.ir.verify import check
from intaglio.simulator import reference
from tests.simulator.engines import assert_same_tensor
from tests.simulator.random_graphs import STEPS, Case, random_array
from tests.simulator.random_growth import Growth

SETTINGS = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Pass = Callable[[Graph], Graph]
Step = Callable[[Growth], None]


def assert_same_outputs(before: Graph, after: Graph, inputs: Mapping[str, Array]) -> None:
    """Both graphs are valid, have one interface, and give the same bits."""
    check(before)
    check(after)
    assert after.inputs == before.inputs
    assert after.outputs == before.outputs
    assert after.output_sources == before.output_sources
    expected, found = reference.run(before, inputs), reference.run(after, inputs)
    for name in before.outputs:
        assert after.type_of(name) == before.type_of(name)
        assert_same_tensor("after the pass", name, found[name], expected[name])


def rewritten(run: Pass, text: str, seeds: int = 5) -> str:
    """The text after a pass, which keeps the outputs of random inputs."""
    before = parse_graph(text)
    after = run(before)
    for seed in range(seeds):
        random = Random(seed)
        inputs = {given.name: random_array(given.type, random) for given in before.inputs}
        assert_same_outputs(before, after, inputs)
    assert print_graph(run(after)) == print_graph(after), "a second run finds more to do"
    return print_graph(after)


@st.composite
def chains(draw: st.DrawFn, steps: Sequence[str | Step], most_steps: int = 5) -> Case:
    """A valid graph of these steps, chained where they fit; some values read twice."""
    grow = Growth(draw)
    for step in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=most_steps)):
        (STEPS[step] if isinstance(step, str) else step)(grow)
    nodes = [value for value in grow.builder.definitions.values() if isinstance(value, Node)]
    assume(nodes)
    used = {operand for node in nodes for operand in node.operands}
    also = draw(st.sets(st.sampled_from([node.name for node in nodes]), max_size=1))
    outputs = [node.name for node in nodes if node.name not in used or node.name in also]
    graph = grow.builder.finish(outputs)
    check(graph)
    return Case(graph, {i.name: random_array(i.type, grow.random()) for i in graph.inputs})
