# SPDX-License-Identifier: Apache-2.0
"""The TIR function of a kernel as a C99 function of pointers."""

from collections.abc import Iterator, Sequence
from typing import Any

from intaglio.compiler.targets.c_source.expressions import Expressions, bare
from intaglio.compiler.targets.c_source.literals import c_type
from intaglio.compiler.targets.c_source.usage import Usage, flat
from intaglio.compiler.targets.tvm.function import element_type
from intaglio.compiler.targets.tvm.library import Statement

_INDENT = "    "


class KernelSource:
    """The text of one kernel.

    Attributes:
        text: the function.
        called: the helpers that it calls.
    """

    def __init__(self, name: str, function: Any) -> None:
        """Print a function without a result, whose parameters are pointers."""
        self._usage = usage = Usage(function.body)
        cells = frozenset(array for array, buffer in usage.locals.items() if _size(buffer) == 1)
        arrays = {array: array for array in usage.locals} | usage.parameters
        self._print = Expressions(cells, arrays)
        body = list(self._block(function.body, 1))
        parameters = list(self._parameters(function.params))
        lines = [f"static void {name}({', '.join(parameters) or 'void'}) {{"]
        lines += self._unused(function.params)
        lines += self._declarations(cells)
        self.text = "\n".join([*lines, *body, "}\n"])
        self.called = self._print.called

    def _parameters(self, parameters: Sequence[Any]) -> Iterator[str]:
        leading = {pointer: array for array, pointer in self._usage.parameters.items()}
        for parameter in parameters:
            written = leading.get(str(parameter.name)) in self._usage.written
            element = c_type(str(parameter.ty.element_type.dtype))
            yield f"{'' if written else 'const '}{element} *{parameter.name}"

    def _unused(self, parameters: Sequence[Any]) -> Iterator[str]:
        leading = {pointer: array for array, pointer in self._usage.parameters.items()}
        used = self._usage.read | self._usage.written
        for parameter in parameters:
            if leading.get(str(parameter.name)) not in used:
                yield f"{_INDENT}(void){parameter.name};"

    def _declarations(self, cells: frozenset[str]) -> Iterator[str]:
        by_type: dict[str, list[str]] = {}
        for array, buffer in self._usage.locals.items():
            if array in self._usage.read:
                shown = array if array in cells else f"{array}[{_size(buffer)}]"
                by_type.setdefault(c_type(str(buffer.dtype)), []).append(shown)
        for type, names in by_type.items():
            yield f"{_INDENT}{type} {', '.join(names)};"

    def _block(self, body: Statement, depth: int) -> Iterator[str]:
        for statement in flat(body):
            yield from self._statement(statement, depth)

    def _statement(self, statement: Statement, depth: int) -> Iterator[str]:
        indent, text = _INDENT * depth, self._print.text
        match type(statement).__name__:
            case "AllocBuffer" | "DeclBuffer":
                return
            case "BufferStore":
                array = str(statement.buffer.name)
                if array in self._usage.read or array not in self._usage.locals:
                    place = self._print.element(array, list(statement.indices))
                    yield f"{indent}{place} = {bare(text(statement.value))};"
            case "Bind":
                name = str(statement.var.name)
                if name in self._usage.read:
                    type_ = c_type(element_type(statement.var))
                    yield f"{indent}const {type_} {name} = {bare(text(statement.value))};"
            case "For":
                yield from self._loop(statement, depth)
            case "IfThenElse":
                yield f"{indent}if ({bare(text(statement.condition))}) {{"
                yield from self._block(statement.then_case, depth + 1)
                if statement.else_case is not None:
                    yield f"{indent}}} else {{"
                    yield from self._block(statement.else_case, depth + 1)
                yield f"{indent}}}"
            case kind:
                raise TypeError(f"{kind} has no form in C")

    def _loop(self, statement: Statement, depth: int) -> Iterator[str]:
        indent, name = _INDENT * depth, str(statement.loop_var.name)
        first, count = (bare(self._print.text(each)) for each in (statement.min, statement.extent))
        if first != "0":
            raise TypeError("a loop that doesn't start at 0 has no form in C")
        yield f"{indent}for (int32_t {name} = 0; {name} < {count}; {name}++) {{"
        yield from self._block(statement.body, depth + 1)
        yield f"{indent}}}"


def _size(buffer: Any) -> int:
    (size,) = buffer.shape
    return int(size)
