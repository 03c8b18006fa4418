# SPDX-License-Identifier: Apache-2.0
"""Every value of every op's fields survives the text; columns and rows mean the same."""

import string
from enum import Enum
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Array, Constant, Graph, Input, Level, Node
from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.ir.text.kinds import (
    Atom,
    Form,
    Optional,
    Record,
    Row,
    Word,
    field_forms,
    op_classes,
)
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.errors import InvalidOption
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType

SCALAR = TensorType(FLOAT32, ())


def float32s() -> st.SearchStrategy[Float32]:
    bits = st.integers(0, 2**32 - 1).filter(lambda bits: bits & 0x7F800000 != 0x7F800000)
    return st.builds(Float32, bits)


def float64s() -> st.SearchStrategy[Float64]:
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    return st.builds(Float64.from_value, numbers)


def types() -> st.SearchStrategy[IntType]:
    return st.builds(IntType, st.integers(1, 64), st.booleans())


def values(form: Form) -> st.SearchStrategy[Any]:
    """Any value that a field of this form can hold."""
    match form:
        case Atom.INTEGER:
            return st.one_of(st.integers(0, 31), st.integers(-(10**25), 10**25))
        case Atom.TRUTH:
            return st.booleans()
        case Atom.FLOAT32:
            return float32s()
        case Atom.FLOAT64:
            return float64s()
        case Atom.INTEGER_TYPE:
            return types()
        case Word(enumeration=enumeration):
            members: list[Enum] = list(enumeration)
            return st.sampled_from(members)
        case Optional(form=inner):
            return st.none() | values(inner)
        case Row(item=Record() as item, length=None):
            return st.lists(values(item), min_size=1, max_size=4).map(tuple)
        case Row(item=item, length=length):
            least, most = (length, length) if length is not None else (0, 4)
            return st.lists(values(item), min_size=least, max_size=most).map(tuple)
        case Record(classes=classes):
            return st.sampled_from(classes).flatmap(records)


@st.composite
def records(draw: st.DrawFn, kind: type[Any]) -> Any:
    """Any dataclass of a class that takes its values."""
    chosen = {name: draw(values(field.form)) for name, field in field_forms(kind).items()}
    try:
        return kind(**chosen)
    except InvalidOption:
        assume(False)


def one_node(op: Any, level: Level) -> Graph:
    node = Node("y", SCALAR, op, ("x",), "y")
    return Graph("g", level, (Input("x", SCALAR, "x"),), (), (node,), ("y",))


KINDS = [
    pytest.param(kind, level, id=f"{level.value}-{name}")
    for level in Level
    for name, kind in op_classes(level).items()
]


@pytest.mark.parametrize(("kind", "level"), KINDS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_op_survives(kind: type[Any], level: Level, data: st.DataObject) -> None:
    graph = one_node(data.draw(records(kind)), level)
    text = print_graph(graph)
    assert parse_graph(text) == graph
    assert print_graph(parse_graph(text)) == text


def quantizations() -> st.SearchStrategy[Quantization]:
    scales = st.lists(float32s(), min_size=1, max_size=3).map(tuple)
    zero_points = st.lists(st.integers(-300, 300), min_size=1, max_size=3).map(tuple)
    return st.builds(Quantization, scales, zero_points, st.none() | st.integers(0, 3))


@settings(max_examples=100, deadline=None)
@given(
    element=types(),
    shape=st.lists(st.integers(1, 9), max_size=4).map(tuple),
    quantization=st.none() | quantizations(),
    sources=st.lists(st.text(max_size=6), min_size=3, max_size=3),
    name=st.text(max_size=6),
)
def test_types_and_names_survive(
    element: IntType,
    shape: tuple[int, ...],
    quantization: Quantization | None,
    sources: list[str],
    name: str,
) -> None:
    type = TensorType(element, shape, quantization)
    node = Node("y.1_a", type, scaled.Requantize(), ("x",), sources[1])
    outputs = (sources[2],)
    inputs = (Input("x", type, sources[0]),)
    scales = () if quantization is None else (quantization,)
    graph = Graph(name, Level.SCALED, inputs, (), (node,), ("y.1_a",), outputs, scales, name)
    assert parse_graph(print_graph(graph)) == graph


@settings(max_examples=100, deadline=None)
@given(data=st.data(), limit=st.integers(0, 6))
def test_constants_survive(data: st.DataObject, limit: int) -> None:
    element = data.draw(types())
    size = data.draw(st.integers(1, 6))
    elements = st.integers(element.minimum, element.maximum)
    drawn = data.draw(st.lists(elements, min_size=size, max_size=size))
    graph = with_constant(TensorType(element, (size,)), np.array(drawn, dtype=element.dtype))
    text = print_graph(graph, inline_limit=limit)
    assert ("sha256:" in text) == (size > limit)
    assert parse_graph(text, {"w": graph.constants[0].array}) == graph


@settings(max_examples=100, deadline=None)
@given(bits=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6))
def test_float_constants_survive_to_the_bit(bits: list[int]) -> None:
    array = np.array(bits, dtype=np.uint32).view(np.float32)
    graph = with_constant(TensorType(FLOAT32, (len(bits),)), array)
    assert parse_graph(print_graph(graph), {"w": array}) == graph


def with_constant(type: TensorType, array: Array) -> Graph:
    return Graph("g", Level.FIXED, (), (Constant("w", type, array, "w"),), (), ("w",))


def test_rows_may_be_written_out_instead_of_in_columns() -> None:
    in_columns = fixed_graph(
        "2 * requantizer(scaling=shift(shift={1, 2}, rounding=floor), "
        "zero_point=0, low={-1, 0}, high=1)"
    )
    written_out = fixed_graph(
        "[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0, low=-1, high=1),"
        " requantizer(scaling=shift(shift=2, rounding=floor), zero_point=0, low=0, high=1)]"
    )
    assert parse_graph(in_columns) == parse_graph(written_out)


def fixed_graph(requantizers: str) -> str:
    return (
        "graph g fixed\n%x: i8[1,2] = input\n"
        f"%y: i2[1,2] = requantize(%x) requantizers={requantizers}\nreturn %y\n"
    )


def test_white_space_and_comments_are_free() -> None:
    plain = fixed_graph(
        "[requantizer(scaling=shift(shift=1, rounding=floor), zero_point=0, low=-1, high=1)]"
    )
    free = plain.replace("[1,2] = input", "[ 1 , 2 ]  # a comment\n = // another\n input")
    assert free != plain
    assert parse_graph(free) == parse_graph(plain)


def test_letters_of_a_graph_name_need_no_quotes() -> None:
    assert string.ascii_letters in print_graph(with_name(string.ascii_letters)).splitlines()[0]
    assert '"a b"' in print_graph(with_name("a b")).splitlines()[0]


def with_name(name: str) -> Graph:
    return Graph(name, Level.FIXED, (), (), (), ())


def test_a_mobilenet_worth_of_requantizers_is_read() -> None:
    multipliers = ", ".join(str(2**30 + channel) for channel in range(1024))
    shifts = ", ".join(str(32 + channel % 7) for channel in range(1024))
    row = (
        f"1024 * requantizer(scaling=multiply_shift(multiplier={{{multipliers}}}, "
        f"shift={{{shifts}}}, rounding=half-even), zero_point=0, low=-128, high=127)"
    )
    lines = [f"%y{layer}: i8[1,1024] = requantize(%x) requantizers={row}" for layer in range(28)]
    text = "\n".join(["graph g fixed", "%x: i32[1,1024] = input", *lines, "return %y27"])
    graph = parse_graph(text)
    (last,) = [op for node, op in graph.nodes_of(fixed.Requantize) if node.name == "y27"]
    assert last.requantizers[1023].apply(2**10) == 127
