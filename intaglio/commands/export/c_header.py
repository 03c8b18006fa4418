# SPDX-License-Identifier: Apache-2.0
"""Write an export as one C99 header of constant arrays."""

import re
from collections.abc import Iterator
from pathlib import Path

from intaglio.commands.export.plain_words import WORD_BITS, plain_array
from intaglio.commands.export.tensors import ExportedGraph, ExportedNode, ExportedTensor
from intaglio.compiler.ir.types import TensorType

VALUES_A_LINE = 12


def write_c_header(exported: ExportedGraph, path: Path, name: str) -> None:
    """Write ``path``: for each array ``static const TYPE NAME_…[elements]``, in row-major order.

    Args:
        exported: what to write.
        path: the file.
        name: what identifiers start with, made a C identifier.
    """
    with path.open("w", encoding="ascii", errors="backslashreplace", newline="\n") as file:
        file.writelines(f"{line}\n" for line in _lines(exported, identifier(name)))


def identifier(text: str) -> str:
    """``text`` with everything that C identifiers can't hold replaced by ``_``."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return plain if plain[:1].isalpha() else f"n{plain}"


def _lines(exported: ExportedGraph, prefix: str) -> Iterator[str]:
    graph = exported.graph
    guard = f"{prefix.upper()}_H"
    taken: set[str] = set()
    yield _comment(f"Integers of the graph {graph.name}, profile {graph.profile}.")
    yield from ("", f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>")
    for given in graph.inputs:
        yield from ("", _comment(f"input {given.name}: {_type(given.type)}, {given.source!r}"))
    for tensor in exported.constants:
        yield from ("", *_array(tensor, prefix, taken))
    for node in exported.nodes:
        yield from ("", *_node(node))
        for tensor in node.tensors:
            yield from _array(tensor, prefix, taken)
    for tensor in exported.golden:
        yield from ("", *_array(tensor, prefix, taken))
    sources = graph.output_sources or graph.outputs
    for output, source in zip(graph.outputs, sources, strict=True):
        shown = f"output {output}: {_type(graph.type_of(output))}, {source!r}"
        yield from ("", _comment(shown))
    yield from ("", "#endif")


def _node(exported: ExportedNode) -> Iterator[str]:
    node = exported.node
    yield _comment(
        f"{node.name}: {_type(node.type)} = {exported.kind}({', '.join(node.operands)}), "
        f"{node.source!r}"
    )
    for path, words in exported.words.items():
        yield _comment(f"  {path}: {words if isinstance(words, str) else ', '.join(words)}")


def _array(tensor: ExportedTensor, prefix: str, taken: set[str]) -> Iterator[str]:
    values = plain_array(tensor)
    if values.size == 0:
        return
    name = f"{prefix}_{identifier(tensor.name)}"
    while name in taken:
        name += "_"
    taken.add(name)
    yield _comment(f"{tensor.name}: {tensor.element}{list(tensor.array.shape)}")
    yield f"static const {_c_type(tensor)} {name}[{values.size}] = {{"
    flat = values.reshape(-1)
    for first in range(0, flat.size, VALUES_A_LINE):
        row = flat[first : first + VALUES_A_LINE].tolist()
        yield f"    {', '.join(_literal(value, tensor) for value in row)},"
    yield "};"


def _c_type(tensor: ExportedTensor) -> str:
    element = tensor.element
    if element.is_float:
        return "float" if element.bits == 32 else "double"
    if element.bits > WORD_BITS:
        return "uint64_t"
    word = max(8, 1 << (element.bits - 1).bit_length())
    return f"{'' if element.kind == 'i' else 'u'}int{word}_t"


def _literal(value: int | float, tensor: ExportedTensor) -> str:
    element = tensor.element
    if isinstance(value, float):
        return value.hex() + ("f" if element.bits == 32 else "")
    if element.bits > WORD_BITS or (element.kind == "u" and element.bits > 31):
        return f"UINT64_C({value})" if element.bits > 32 else f"{value}u"
    if value == -(1 << 63):
        return "(-INT64_C(9223372036854775807) - 1)"
    if element.bits > 32:
        return f"INT64_C({value})" if value >= 0 else f"-INT64_C({-value})"
    return str(value)


def _type(type: TensorType) -> str:
    return f"{type.element}{list(type.shape)}"


def _comment(text: str) -> str:
    plain = re.sub(r"[\r\n]+", " ", text).replace("*/", "* /").replace("/*", "/ *")
    return f"/* {plain} */"
