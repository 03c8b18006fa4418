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
_LINE = 64
"""Bytes of a cache line."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a kernel, which begins when the part before it has ended.

    Attributes:
        function: TIR without a result.  Its parameters are pointers to the tensors, the scratch
            memory and the tables of the kernel; where there are tasks, the first one and the one
            behind the last, int32, follow.
        tasks: how many there are; they may run in any order and at once.  None: the stage is one.
    """

    function: Any
    tasks: int | None


@dataclass(frozen=True, slots=True)
class Kernel:
    """Functions of pointers, one after the other.

    Attributes:
        stages: in order; one, without tasks, unless threads share the kernel.
        tensors: the values of the graph that it reads and, last, the one that it writes, unless
            that takes the place of one that it reads.
        scratch: bytes of memory that it needs for itself.
        areas: where the areas of that memory start; the pointers after the tensors lead to them.
        tables: the constant arrays that it reads through the pointers behind those.
        form: which instructions it was written for; recorded in the manifest.
    """

    stages: tuple[Stage, ...]
    tensors: tuple[str, ...]
    scratch: int
    areas: tuple[int, ...]
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

    def __init__(self, shared: bool = False, *, integers_alone: bool = False) -> None:
        """Start with neither parameters nor statements.

        Args:
            shared: whether loops may become tasks, for several threads.
            integers_alone: whether requantizers that multiply floats do so in integers.
        """
        self.shared, self.integers_alone = shared, integers_alone
        self._parameters: list[Any] = []
        self._tensors: dict[str, Buffer] = {}
        self._names_of_tensors: list[str] = []
        self._scratch = 0
        self._areas: list[int] = []
        self._declarations: list[Statement] = []
        self._tables: list[tuple[Any, Statement, ConstantArray]] = []
        self._blocks: list[list[Statement]] = [[]]
        self._cells: list[Statement] = []
        self._stages: list[_Part] = []
        self._names = 0
        self._sized = True

    def hide_sizes(self) -> None:
        """Let the pointers from here on not tell how many elements they have.

        Kernels that read their extents from a table, and differ in nothing else, are then equal.
        """
        self._sized = False

    def _name(self, stem: str) -> str:
        self._names += 1
        return f"{stem}{self._names}"

    def _pointer(self, dtype: str, size: int) -> tuple[Any, Buffer, Statement]:
        name = self._name("p")
        pointer = tirx.Var(name, ir.PointerType(ir.PrimType(dtype)))
        shape = (max(size, 1) if self._sized else 1,)
        buffer = tirx.decl_buffer(shape, dtype, name=f"{name}_array")
        return pointer, buffer, statements.DeclBuffer(buffer, data=pointer)

    def tensor(self, name: str, dtype: str, size: int) -> Buffer:
        """The next pointer parameter, to the ``size`` elements of the graph's value ``name``."""
        pointer, buffer, declaration = self._pointer(dtype, size)
        self._parameters.append(pointer)
        # An operand may be read through several pointers, and is then never written.
        self._names_of_tensors.append(name)
        self._tensors[name] = buffer
        self._declarations.append(declaration)
        return buffer

    def known_tensor(self, name: str) -> Buffer:
        """The elements of a value that has a pointer already."""
        return self._tensors[name]

    def scratch(self, dtype: str, size: int) -> Buffer:
        """Uninitialised memory for the function alone, aligned to 64 bytes; after all tensors."""
        pointer, buffer, declaration = self._pointer(dtype, size)
        self._parameters.append(pointer)
        self._declarations.append(declaration)
        start = -(-self._scratch // _LINE) * _LINE
        self._areas.append(start)
        self._scratch = start + size * np.dtype(dtype).itemsize
        return buffer

    def table(self, array: ConstantArray) -> Buffer:
        """Constant elements, in row-major order."""
        array = np.ascontiguousarray(array)
        for _, declaration, known in self._tables:
            # Which tables are equal would tell kernels of hidden sizes apart.
            if self._sized and known.dtype == array.dtype and np.array_equal(known, array):
                return declaration.buffer
        pointer, buffer, declaration = self._pointer(str(array.dtype), array.size)
        self._tables.append((pointer, declaration, array))
        return buffer

    def local(self, dtype: str, size: int) -> Buffer:
        """Uninitialised elements on the stack, or in registers where every index is constant."""
        buffer = self._on_stack(dtype, size)
        self._declarations.append(statements.AllocBuffer(buffer))
        return buffer

    def _on_stack(self, dtype: str, size: int) -> Buffer:
        return tirx.decl_buffer((size,), dtype, name=self._name("local"), scope="local")

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
        cell = self._on_stack(dtype, 1)
        self._cells.append(statements.AllocBuffer(cell))
        self.store(cell, index(0), value)
        return load(cell, index(0))

    @contextmanager
    def loop(self, extent: int | Expression) -> Generator[Expression, None, None]:
        """Run the block for 0 up to below ``extent``."""
        variable = tirx.Var(self._name("i"), "int32")
        with self._block() as block:
            yield variable
        bound = index(extent) if isinstance(extent, int) else extent
        self.append(_loop(variable, index(0), bound, block))

    @contextmanager
    def tasks(self, count: int) -> Generator[Expression, None, None]:
        """Run the block for 0 up to below ``count`` in any order, and on several threads at once.

        Only for a shared function, outside of all other blocks.
        """
        if not self.shared or len(self._blocks) > 1:
            raise ValueError("tasks are for shared functions, outside of other blocks")
        self._end_stage(None)
        first, last, variable = (tirx.Var(n, "int32") for n in ("first", "last", "task"))
        with self._block() as block:
            yield variable
        self.append(_loop(variable, first, last - first, block))
        self._end_stage(_Tasks(count, first, last))

    def _end_stage(self, tasks: "_Tasks | None") -> None:
        """Make a part of the statements since the last one, if there are any."""
        statements, self._blocks[0] = self._blocks[0], []
        cells, self._cells = self._cells, []
        if statements:
            self._stages.append(_Part(tuple(cells), tuple(statements), tasks))

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
        """The kernel, whose pointers must not alias where one of them is written."""
        self._end_stage(None)
        tables = tuple(array for _, _, array in self._tables)
        stages = tuple(map(self._stage, self._stages or [_Part((), (), None)]))
        names, areas = tuple(self._names_of_tensors), tuple(self._areas)
        return Kernel(stages, names, self._scratch, areas, tables, form)

    def _stage(self, part: "_Part") -> Stage:
        parameters = self._parameters + [pointer for pointer, _, _ in self._tables]
        declarations = self._declarations + [declaration for _, declaration, _ in self._tables]
        if part.tasks is not None:
            parameters += [part.tasks.first, part.tasks.last]
        body = _sequence([*declarations, *part.cells, *part.statements])
        function = tirx.PrimFunc(parameters, body).with_attr("tirx.noalias", True)
        return Stage(function, None if part.tasks is None else part.tasks.count)


@dataclass(frozen=True, slots=True)
class _Tasks:
    """How many there are, and the parameters that say which ones to run."""

    count: int
    first: Expression
    last: Expression


@dataclass(frozen=True, slots=True)
class _Part:
    """The statements of a stage, and the memory for what they evaluate once."""

    cells: tuple[Statement, ...]
    statements: tuple[Statement, ...]
    tasks: _Tasks | None


def _loop(
    variable: Expression, first: Expression, count: Expression, block: Sequence[Statement]
) -> Statement:
    serial = statements.ForKind.SERIAL
    return statements.For(variable, first, count, serial, _sequence(block))


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
