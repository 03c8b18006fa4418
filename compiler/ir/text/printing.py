# SPDX-License-Identifier: Apache-2.0
"""From a graph to its text."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from enum import Enum
from typing import cast

import numpy as np

from intaglio.compiler.ir.graph import Array, Constant, Definition, Graph, Input, Node
from intaglio.compiler.ir.text.kinds import field_forms, kind_name
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType

INLINE_LIMIT = 64

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def print_graph(graph: Graph, inline_limit: int = INLINE_LIMIT) -> str:
    """Write a graph as text that ``parse_graph`` reads back to an equal graph.

    Args:
        graph: any graph.
        inline_limit: constants of more elements are written as the hash of their array.

    Returns:
        One line a definition, each ended by a newline.
    """
    plain = _PLAIN_NAME.fullmatch(graph.name)
    header = f"graph {graph.name if plain else json.dumps(graph.name)} {graph.level.value}"
    if graph.profile:
        header += f" profile={json.dumps(graph.profile)}"
    definitions: tuple[Definition, ...] = (*graph.inputs, *graph.constants, *graph.nodes)
    lines = [header, *(print_definition(each, inline_limit) for each in definitions)]
    return "\n".join([*lines, _return_line(graph), ""])


def print_definition(definition: Definition, inline_limit: int = INLINE_LIMIT) -> str:
    """The line that defines one value."""
    match definition:
        case Input():
            what = "input"
        case Constant(array=array):
            what = f"constant {_array(array, inline_limit)}"
        case Node(op=op, operands=operands):
            names = ", ".join(f"%{operand}" for operand in operands)
            attributes = [f" {name}={value}" for name, value in _written_fields([op])]
            what = f"{kind_name(type(op))}({names}){''.join(attributes)}"
    line = f"%{definition.name}: {print_type(definition.type)} = {what}"
    if definition.source == definition.name:
        return line
    return f"{line} from {json.dumps(definition.source)}"


def print_type(tensor: TensorType) -> str:
    """An element type, a shape and, where there is one, a quantization: ``i8[1,4]{scale=…}``."""
    shape = ",".join(map(str, tensor.shape))
    quantization = "" if tensor.quantization is None else _quantization(tensor.quantization)
    return f"{tensor.element}[{shape}]{quantization}"


def array_hash(array: Array) -> str:
    """SHA-256 of the elements in row-major order, little-endian: what stands for a big constant."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return hashlib.sha256(little.tobytes()).hexdigest()


def _return_line(graph: Graph) -> str:
    blank = [""] * len(graph.outputs)
    sources = [f" as {json.dumps(source)}" for source in graph.output_sources] or blank
    scales = ["" if each is None else _quantization(each) for each in graph.output_quantizations]
    parts = zip(graph.outputs, scales or blank, sources, strict=False)
    outputs = (f"%{name}{scale}{source}" for name, scale, source in parts)
    return f"return {', '.join(outputs)}".rstrip()


def _array(array: Array, inline_limit: int) -> str:
    # NaN has many bit patterns and no decimal, so only its hash says which one it is.
    if array.size > inline_limit or not np.isfinite(array).all():
        return f"sha256:{array_hash(array)}"
    values = (str(value) for value in array.ravel())
    return f"[{', '.join(values)}]"


def _quantization(quantization: Quantization) -> str:
    parts = [] if quantization.axis is None else [f"axis={quantization.axis}"]
    parts.append(f"scale={_one_or_row(quantization.scales)}")
    if quantization.zero_points != (0,):
        parts.append(f"zero_point={_one_or_row(quantization.zero_points)}")
    return f"{{{', '.join(parts)}}}"


def _one_or_row(values: Sequence[object]) -> str:
    return _value(values[0]) if len(values) == 1 else _row(values)


def _value(value: object) -> str:
    """One value of an attribute, whatever its class."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | IntType():
            return str(value)
        case Float32():
            return f"f32({value})"
        case Float64():
            return f"f64({value})"
        case Enum():
            return str(value.value)
        case tuple():
            return _row(cast("tuple[object, ...]", value))
        case _:
            return _records([value])


def _row(values: Sequence[object]) -> str:
    """A tuple: in columns where it repeats one dataclass."""
    if len(values) > 1 and _is_record(values[0]) and len(set(map(type, values))) == 1:
        return f"{len(values)} * {_records(values)}"
    return f"[{', '.join(map(_value, values))}]"


def _is_record(value: object) -> bool:
    return is_dataclass(value) and not isinstance(value, Float32 | Float64 | IntType)


def _records(records: Sequence[object]) -> str:
    """Dataclasses of one class, as one kind with a column for each field."""
    written = (f"{name}={value}" for name, value in _written_fields(records))
    return f"{kind_name(type(records[0]))}({', '.join(written)})"


def _written_fields(records: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Names and columns of the fields in which not every record has the default."""
    for name, field in field_forms(type(records[0])).items():
        column: list[object] = [getattr(record, name) for record in records]
        if any(value != field.default for value in column):
            yield name, _column(column)


def _column(values: Sequence[object]) -> str:
    """One value where all are equal, else one for each record."""
    if all(value == values[0] for value in values):
        return _value(values[0])
    if _is_record(values[0]) and len(set(map(type, values))) == 1:
        return _records(values)
    return f"{{{', '.join(map(_value, values))}}}"
