# SPDX-License-Identifier: Apache-2.0
"""Every fault against the reference engine on a graph, or with a value, that has it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Array, Graph, Input, Level, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import AccumulatorTrapped, IntaglioError, InvalidData, InvalidOption
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift
from intaglio.simulator import reference
from intaglio.simulator.faults import (
    Fault,
    FaultModel,
    FaultyRuns,
    Outcome,
    Site,
    Storage,
    sample_faults,
    storages,
)
from tests.simulator.random_graphs import Case, cases

MODELS = list(FaultModel)


def faulty_bits(word: int, bits: int, fault: Fault) -> int:
    """Bit by bit, from the least significant."""
    text = [word >> place & 1 for place in range(bits)]
    for place in range(fault.bit, min(fault.bit + fault.width, bits)):
        match fault.model:
            case FaultModel.FLIP | FaultModel.BURST:
                text[place] = 1 - text[place]
            case FaultModel.STUCK_AT_0:
                text[place] = 0
            case FaultModel.STUCK_AT_1:
                text[place] = 1
    return sum(bit << place for place, bit in enumerate(text))


def faulty_value(value: int, type: IntType, fault: Fault) -> int:
    word = faulty_bits(value % (1 << type.bits), type.bits, fault)
    return word - (1 << type.bits) if type.signed and word >> (type.bits - 1) else word


def faulty_copy(array: Array, type: IntType, fault: Fault) -> Array:
    values = [int(value) for value in array.ravel()]
    values[fault.index] = faulty_value(values[fault.index], type, fault)
    return np.array(values, dtype=type.dtype).reshape(array.shape)


def brute_force(
    graph: Graph, inputs: Mapping[str, Array], fault: Fault, bits: int
) -> dict[str, Array]:
    """The outputs by the definition of every op: of a graph that has the fault in it."""
    if fault.storage is Storage.MULTIPLIERS:
        return reference.run(with_faulty_requantizer(graph, fault, bits), inputs)
    if fault.storage.permanent:
        constants = tuple(
            replace(each, array=faulty_copy(each.array, each.type.integer, fault))
            if each.name == fault.value
            else each
            for each in graph.constants
        )
        return reference.run(replace(graph, constants=constants), inputs)
    values: dict[str, Array] = {}
    reference.run(graph, inputs, values.__setitem__)
    type = graph.type_of(fault.value)
    array = faulty_copy(values[fault.value], type.integer, fault)
    # The faulty value is given from outside; nothing needs what it was computed from.
    given = Input(fault.value, type)
    nodes = tuple(node for node in graph.nodes if node.name != fault.value)
    others = tuple(each for each in graph.inputs if each.name != fault.value)
    cut = replace(graph, inputs=(*others, given), nodes=nodes)
    return reference.run(
        cut, {each.name: inputs[each.name] for each in others} | {fault.value: array}
    )


def with_faulty_requantizer(graph: Graph, fault: Fault, bits: int) -> Graph:
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name == fault.value:
            assert isinstance(node.op, fixed.Requantize)
            changed = list(node.op.requantizers)
            signed = any(_negative(each, fault.field) for each in changed)
            changed[fault.index] = _faulty_number(changed[fault.index], fault, bits, signed)
            node = replace(node, op=fixed.Requantize(tuple(changed)))
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _at(record: Any, path: list[str]) -> Any:
    for name in path:
        record = record[int(name)] if name.isdigit() else getattr(record, name)
    return record


def _negative(requantizer: Requantizer, field: str) -> bool:
    number = _at(requantizer, field.split("."))
    return isinstance(number, int) and number < 0


def _faulty_number(requantizer: Requantizer, fault: Fault, bits: int, signed: bool) -> Requantizer:
    path = fault.field.split(".")
    number = _at(requantizer, path)
    new: Any
    if isinstance(number, Float32 | Float64):
        new = type(number)(faulty_bits(number.bits, bits, fault))
    else:
        assert isinstance(number, int)
        new = faulty_value(number, IntType(bits, signed), fault)
    if len(path) == 1:
        return replace(requantizer, **{path[0]: new})
    scaling: Any = requantizer.scaling
    if len(path) == 2:
        return replace(requantizer, scaling=replace(scaling, **{path[1]: new}))
    steps = list(scaling.steps)
    steps[int(path[2])] = replace(steps[int(path[2])], **{path[3]: new})
    return replace(requantizer, scaling=replace(scaling, steps=tuple(steps)))


def random_fault(site: Site, model: FaultModel, random: Random) -> Fault:
    bit = random.randrange(site.bits)
    width = random.randint(1, site.bits - bit) if model is FaultModel.BURST else 1
    return Fault(
        site.storage, site.value, site.field, random.randrange(site.words), bit, model, width
    )


def outputs_or_error(call: Callable[[], dict[str, Array]]) -> dict[str, Array] | None:
    try:
        return call()
    except (AccumulatorTrapped, InvalidData):
        return None


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 1 << 30))
def test_every_fault_is_what_the_definition_makes_of_it(case: Case, seed: int) -> None:
    graph, inputs, random = case.graph, case.inputs, Random(seed)
    clean = outputs_or_error(lambda: reference.run(graph, inputs))
    if clean is None:
        return
    runs = FaultyRuns(graph, [inputs])
    for site in storages(graph):
        for model in MODELS:
            fault = random_fault(site, model, random)
            check_fault(graph, inputs, runs, fault, site, clean)


def check_fault(
    graph: Graph,
    inputs: Mapping[str, Array],
    runs: FaultyRuns,
    fault: Fault,
    site: Site,
    clean: Mapping[str, Array],
) -> None:
    expected: dict[str, Array] | None
    try:
        expected = brute_force(graph, inputs, fault, site.bits)
    except IntaglioError:
        expected = None
    found = outputs_or_error(lambda: runs.changed_outputs(fault, 0))
    if expected is None:
        # A number that no machine has, a trap, a float that isn't finite.
        assert not found
        return
    if found is None:
        # A clamp beyond the type, where the definition meets no code that it lets through.
        assert fault.field in ("low", "high")
        return
    for name, array in expected.items():
        bits = found.get(name, clean[name])
        assert bits.dtype == array.dtype
        assert bits.tobytes() == array.tobytes(), (fault, name)
        assert (name in found) == (clean[name].tobytes() != array.tobytes())


def network() -> tuple[Graph, list[dict[str, Array]]]:
    """Two layers over eight samples in two batches, with a table and logits as output."""
    random = Random(3)
    builder = Builder("network", Level.FIXED)
    i8, i32 = IntType(8, True), IntType(32, True)
    x = builder.input("x", TensorType(i8, (4, 5)))

    def numbers(count: int, most: int) -> Array:
        return np.array([random.randint(-most, most) for _ in range(count)])

    w = builder.constant("w", TensorType(i8, (5, 6)), numbers(30, 90).reshape(5, 6))
    b = builder.constant("b", TensorType(i32, (6,)), numbers(6, 900))
    v = builder.constant("v", TensorType(i8, (6, 3)), numbers(18, 90).reshape(6, 3))
    table = builder.constant("t", TensorType(i8, (256,)), np.arange(-128, 128))
    op = fixed.MatMul(Accumulator(i32))
    first = builder.node("first", TensorType(i32, (4, 6)), op, [x, w, b])
    scaling = MultiplyShift(77, 13, Rounding.HALF_EVEN)
    requantize = fixed.Requantize((Requantizer(scaling, 3, -128, 127),))
    codes = builder.node("codes", TensorType(i8, (4, 6)), requantize, [first])
    looked = builder.node("looked", TensorType(i8, (4, 6)), fixed.Lookup(), [codes, table])
    logits = builder.node("logits", TensorType(i32, (4, 3)), op, [looked, v])
    batches: list[dict[str, Array]] = [
        {"x": np.array(numbers(20, 127), np.int8).reshape(4, 5)} for _ in range(2)
    ]
    return builder.finish([logits]), batches


def test_outcomes_are_counted_by_sample() -> None:
    graph, batches = network()
    runs = FaultyRuns(graph, batches)
    used = (4, 3)
    seen: set[str] = set()
    widths = {(site.value, site.field): site.bits for site in storages(graph)}
    for storage in Storage:
        for fault in sample_faults(graph, [storage], FaultModel.FLIP, 40, 1):
            bits = widths[fault.value, fault.field]
            masked = changed = critical = 0
            for batch, count in zip(batches, used, strict=True):
                clean = reference.run(graph, batch)["logits"]
                faulty = brute_force(graph, batch, fault, bits)["logits"]
                for old, new in list(zip(clean, faulty, strict=True))[:count]:
                    masked += bool((old == new).all())
                    changed += bool((old != new).any())
                    critical += bool(old.argmax() != new.argmax())
            outcome = runs.outcome(fault, used)
            assert outcome == Outcome(7, masked, changed, critical, 0)
            seen |= {name for name in ("masked", "changed", "critical") if getattr(outcome, name)}
    assert seen == {"masked", "changed", "critical"}


def test_a_trap_is_detected() -> None:
    graph, batches = network()
    nodes = tuple(
        replace(node, op=fixed.MatMul(Accumulator(IntType(32, True), Overflow.TRAP)))
        if isinstance(node.op, fixed.MatMul)
        else node
        for node in graph.nodes
    )
    runs = FaultyRuns(replace(graph, nodes=nodes), batches)
    # 2**30 and some thousands fit; 2**31 - 1 and a positive sum don't.
    flip = Fault(Storage.BIASES, "b", "", 0, 30, FaultModel.FLIP)
    assert runs.outcome(flip, (4, 4)).detected == 0
    high = tuple(
        replace(each, array=np.full(6, 2**30 - 1)) if each.name == "b" else each
        for each in graph.constants
    )
    edge = replace(graph, nodes=nodes, constants=high)
    stuck = Fault(Storage.BIASES, "b", "", 0, 30, FaultModel.STUCK_AT_1)
    detected = FaultyRuns(edge, batches).outcome(stuck, (4, 4)).detected
    weights = graph.constant("w")
    assert weights is not None
    columns = weights.array.astype(np.int64)[:, 0]
    trapping = [bool((batch["x"].astype(np.int64) @ columns > 0).any()) for batch in batches]
    assert detected == 4 * sum(trapping)
    assert detected


def test_lists_depend_on_graph_and_seed_alone() -> None:
    graph, _ = network()
    kinds = list(Storage)
    first = sample_faults(graph, kinds, FaultModel.FLIP, 25, 7)
    assert first == sample_faults(graph, kinds, FaultModel.FLIP, 25, 7)
    assert first != sample_faults(graph, kinds, FaultModel.FLIP, 25, 8)
    other = replace(graph, name="other")
    assert first != sample_faults(other, kinds, FaultModel.FLIP, 25, 7)
    assert len(set(first)) == len(first)
    # A longer list begins with the shorter one.
    weights = sample_faults(graph, [Storage.WEIGHTS], FaultModel.FLIP, 60, 7)
    assert weights[:25] == tuple(f for f in first if f.storage is Storage.WEIGHTS)


def test_all_bits_where_there_are_no_more() -> None:
    graph, _ = network()
    found = sample_faults(graph, [Storage.WEIGHTS], FaultModel.FLIP, 10**6, 0)
    places = {(fault.value, fault.index, fault.bit) for fault in found}
    assert len(found) == len(places) == 8 * (30 + 18)


@pytest.mark.parametrize(("model", "width"), [(FaultModel.BURST, 1), (FaultModel.FLIP, 2)])
def test_a_width_that_does_not_go_with_the_model(model: FaultModel, width: int) -> None:
    graph, _ = network()
    with pytest.raises(InvalidOption, match="burst width"):
        sample_faults(graph, [Storage.WEIGHTS], model, 1, 0, width)
