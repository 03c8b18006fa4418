# SPDX-License-Identifier: Apache-2.0
"""Which variables of a kernel are read, so that C has none that nobody reads."""

from collections.abc import Iterator
from typing import Any

from intaglio.compiler.targets.tvm.library import Expression, Statement

_CHILDREN = ("a", "b", "value", "condition", "true_value", "false_value")


def reads(node: Expression) -> Iterator[str]:
    """The names of the variables and arrays within an expression."""
    kind = type(node).__name__
    match kind:
        case "Var":
            yield str(node.name)
        case "TensorLoad":
            yield str(node.source.name)
            for index in node.indices:
                yield from reads(index)
        case "Call":
            for argument in node.args:
                yield from reads(argument)
        case "IntImm" | "FloatImm" | "StringImm" | "Shuffle":
            return
        case _:
            for child in _CHILDREN:
                if hasattr(node, child):
                    yield from reads(getattr(node, child))


def flat(body: Statement) -> Iterator[Statement]:
    """The statements of a block, without blocks within it and without those that do nothing."""
    match type(body).__name__:
        case "SeqStmt":
            for statement in body.seq:
                yield from flat(statement)
        case "AttrStmt":
            yield from flat(body.body)
        case "Evaluate" if type(body.value).__name__ == "IntImm":
            return
        case _:
            yield body


def _within(body: Statement) -> Iterator[Statement]:
    """All statements, at any depth."""
    for statement in flat(body):
        yield statement
        for part in ("body", "then_case", "else_case"):
            block = getattr(statement, part, None)
            if block is not None:
                yield from _within(block)


class Usage:
    """What the statements of a kernel read and write.

    Attributes:
        locals: the arrays on the stack, by name.
        parameters: the arrays that are given, with the name of the pointer that leads to each.
        written: the names of the arrays that are written.
        read: the names of all that is read to some effect.
    """

    def __init__(self, body: Statement) -> None:
        """Look at all statements."""
        self.locals: dict[str, Any] = {}
        self.parameters: dict[str, str] = {}
        self.written: set[str] = set()
        self.read: set[str] = set()
        feeding: dict[str, set[str]] = {}
        for statement in _within(body):
            self._look_at(statement, feeding)
        waiting = list(self.read)
        while waiting:
            for name in feeding.pop(waiting.pop(), set()):
                if name not in self.read:
                    self.read.add(name)
                    waiting.append(name)

    def _look_at(self, statement: Statement, feeding: dict[str, set[str]]) -> None:
        match type(statement).__name__:
            case "AllocBuffer":
                self.locals[str(statement.buffer.name)] = statement.buffer
            case "DeclBuffer":
                self.parameters[str(statement.buffer.name)] = str(statement.data.name)
            case "BufferStore":
                name = str(statement.buffer.name)
                found = set(reads(statement.value))
                for index in statement.indices:
                    found |= set(reads(index))
                self.written.add(name)
                self._feed(name, found, feeding, name in self.locals)
            case "Bind":
                self._feed(str(statement.var.name), set(reads(statement.value)), feeding, True)
            case "For":
                self.read |= set(reads(statement.min)) | set(reads(statement.extent))
            case "IfThenElse":
                self.read |= set(reads(statement.condition))
            case kind:
                raise TypeError(f"{kind} has no form in C")

    def _feed(self, name: str, found: set[str], feeding: dict[str, set[str]], local: bool) -> None:
        if local:
            feeding.setdefault(name, set()).update(found)
        else:
            self.read |= found
