# SPDX-License-Identifier: Apache-2.0
"""A TIR function under construction: statements are appended where the ``with`` blocks stand."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.compiler.targets.tvm.library import (
    Buffer,
    Expression,
    Statement,
    ir,
    statements,
    tirx,
    tvm_ffi,
)

ConstantArray = npt.NDArray[Any]

_INTEGERS = ("int32", "int64", "int128")


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function of pointers without a result.

    Attributes:
        function: TIR; its parameters are pointers to the tensors, then to the tables.
        tensors: the values of the graph that it reads and, last, the one that it writes.
        scratch: bytes of memory that it needs for itself; the pointer after the tensors, if any.
        tables: the constant arrays that the function reads through its last parameters.
        form: which instructions it was written for; recorded in the manifest.
    """

    function: Any
    tensors: tuple[str, ...]
    scratch: int
    tables: tuple[ConstantArray, ...]
    form: str


def vector(dtype: str, lanes: int) -> str:
    """The name of a vector type; a scalar's for one lane."""
    return dtype if lanes == 1 else f"{dtype}x{lanes}"


def index(value: int) -> Expression:
    """An int32 immediate, the type of every index."""
    return tirx.IntImm("int32", value)


class Function:
    """Pointer parameters, then a body that grows."""

    def __init__(self) -> None:
        """Start with neither parameters nor statements."""
        self._parameters: list[Any] = []
        self._tensors: list[str] = []
        self._scratch = 0
        self._declarations: list[Statement] = []
        self._tables: list[tuple[Any, Statement, ConstantArray]] = []
        self._blocks: list[list[Statement]] = [[]]
        self._names = 0

    def _name(self, stem: str) -> str:
        self._names += 1
        return f"{stem}{self._names}"

    def _pointer(self, dtype: str, size: int) -> tuple[Any, Buffer, Statement]:
        name = self._name("p")
        pointer = tirx.Var(name, ir.PointerType(ir.PrimType(dtype)))
        buffer = tirx.decl_buffer((max(size, 1),), dtype, name=f"{name}_array")
        return pointer, buffer, statements.DeclBuffer(buffer, data=pointer)

    def tensor(self, name: str, dtype: str, size: int) -> Buffer:
        """The next pointer parameter, to the ``size`` elements of the graph's value ``name``."""
        pointer, buffer, declaration = self._pointer(dtype, size)
        self._parameters.append(pointer)
        self._tensors.append(name)
        self._declarations.append(declaration)
        return buffer

    def scratch(self, dtype: str, size: int) -> Buffer:
        """Uninitialised memory for the function alone, aligned to 64 bytes; at most one."""
        pointer, buffer, declaration = self._pointer(dtype, size)
        self._parameters.append(pointer)
        self._declarations.append(declaration)
        self._scratch = size * np.dtype(dtype).itemsize
        return buffer

    def table(self, array: ConstantArray) -> Buffer:
        """Constant elements, in row-major order."""
        array = np.ascontiguousarray(array)
        for _, declaration, known in self._tables:
            if known.dtype == array.dtype and np.array_equal(known, array):
                return declaration.buffer
        pointer, buffer, declaration = self._pointer(str(array.dtype), array.size)
        self._tables.append((pointer, declaration, array))
        return buffer

    def local(self, dtype: str, size: int) -> Buffer:
        """Uninitialised elements on the stack, or in registers where every index is constant."""
        buffer = tirx.decl_buffer((size,), dtype, name=self._name("local"), scope="local")
        self._declarations.append(statements.AllocBuffer(buffer))
        return buffer

    def append(self, statement: Statement) -> None:
        """Add a statement."""
        self._blocks[-1].append(statement)

    def store(self, buffer: Buffer, at: Expression, value: Expression, lanes: int = 1) -> None:
        """``buffer[at : at + lanes] = value``."""
        place = at if lanes == 1 else tirx.Ramp(at, index(1), lanes)
        self.append(statements.BufferStore(buffer, value, [place]))

    def bind(self, value: Expression) -> Expression:
        """Evaluate once, here; the result may be used many times."""
        if isinstance(value, (tirx.IntImm, tirx.FloatImm)):
            return value
        dtype = element_type(value)
        if dtype not in _INTEGERS:
            variable = tirx.Var(self._name("v"), value.ty)
            self.append(statements.Bind(variable, value))
            return variable
        # TVM's code generator simplifies each bound integer with all that it is bound to: long
        # chains take it forever.  It doesn't look into memory, which LLVM makes a register again.
        cell = self.local(dtype, 1)
        self.store(cell, index(0), value)
        return load(cell, index(0))

    @contextmanager
    def loop(self, extent: int | Expression) -> Generator[Expression, None, None]:
        """Run the block for 0 up to below ``extent``."""
        variable = tirx.Var(self._name("i"), "int32")
        with self._block() as block:
            yield variable
        bound = index(extent) if isinstance(extent, int) else extent
        body = _sequence(block)
        self.append(statements.For(variable, index(0), bound, statements.ForKind.SERIAL, body))

    @contextmanager
    def when(self, condition: Expression) -> Generator[None, None, None]:
        """Run the block where the condition holds."""
        with self._block() as block:
            yield
        self.append(statements.IfThenElse(condition, _sequence(block), None))

    def mark(self) -> int:
        """Where the current block ends now, for ``rewind``."""
        return len(self._blocks[-1])

    def rewind(self, mark: int) -> None:
        """Forget the statements of the current block since ``mark``."""
        del self._blocks[-1][mark:]

    @contextmanager
    def _block(self) -> Generator[list[Statement], None, None]:
        block: list[Statement] = []
        self._blocks.append(block)
        yield block
        self._blocks.pop()

    def finish(self, form: str) -> Kernel:
        """The function, whose pointers must not alias where one of them is written."""
        parameters = self._parameters + [pointer for pointer, _, _ in self._tables]
        declarations = self._declarations + [declaration for _, declaration, _ in self._tables]
        body = _sequence([*declarations, *self._blocks[0]])
        function = tirx.PrimFunc(parameters, body).with_attr("tirx.noalias", True)
        tables = tuple(array for _, _, array in self._tables)
        return Kernel(function, tuple(self._tensors), self._scratch, tables, form)


def load(buffer: Buffer, at: Expression, lanes: int = 1) -> Expression:
    """``buffer[at : at + lanes]``."""
    return tirx.BufferLoad(buffer, [at if lanes == 1 else tirx.Ramp(at, index(1), lanes)])


def _sequence(block: Sequence[Statement]) -> Statement:
    if not block:
        return statements.Evaluate(index(0))
    return block[0] if len(block) == 1 else statements.SeqStmt(list(block))


def cast(dtype: str, value: Expression) -> Expression:
    """A conversion of scalars or of all lanes."""
    return value if element_type(value) == dtype else tirx.Cast(dtype, value)


def element_type(value: Expression) -> str:
    """The type of an expression, with its lanes."""
    return str(value.ty.dtype)


def structural_key(function: Any) -> Any:
    """A dictionary key, equal for functions that differ in names alone."""
    return tvm_ffi.StructuralKey(function)
