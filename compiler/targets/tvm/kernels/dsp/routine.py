# SPDX-License-Identifier: Apache-2.0
"""An assembly loop as the text of an LLVM function that is inlined where it is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from intaglio.compiler.targets.tvm import llvm
from intaglio.compiler.targets.tvm.function import Function, Kernel, load
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx


@dataclass(frozen=True, slots=True)
class Routine:
    """A few lines of assembly, in which ``{name}`` is a register.

    Attributes:
        name: a C identifier.
        lines: of assembly.
        changed: parameters that the lines count up or down; of pointers the names end in ``_at``.
        read: parameters that the lines leave as they are.
        sums: how many 32-bit cells, behind the pointer that is the first parameter, are held in
            ``{a0}``, ``{a1}`` and so on.
        spare: names of registers for what the lines compute.
        constants: values of registers that are loaded before.
        fixed: registers that the lines use by their own names.
    """

    name: str
    lines: Sequence[str]
    changed: Sequence[str] = ()
    read: Sequence[str] = ()
    sums: int = 0
    spare: Sequence[str] = ()
    constants: Mapping[str, int] = field(default_factory=dict[str, int])
    fixed: Sequence[str] = ()

    @property
    def symbol(self) -> str:
        """The name of the function."""
        return f"intaglio_dsp_{self.name}"

    def call(self, function: Function, *arguments: Expression) -> None:
        """Run it: the cells of the sums, then what is changed, then what is read."""
        function.append(llvm.evaluate(llvm.call("void", self.symbol, *arguments)))

    @property
    def text(self) -> str:
        """The function in LLVM's text form; it inlines every function that it imports so."""
        cells = [f"a{number}" for number in range(self.sums)]
        written = [*cells, *self.changed, *self.spare]
        given = [*self.constants, *self.read]
        numbers = {name: f"${number}" for number, name in enumerate([*written, *given])}
        body = "\\0A".join(line.format_map(numbers) for line in self.lines)
        tied = [str(number) for number in range(len(cells) + len(self.changed))]
        clobbered = [f"~{{{name}}}" for name in (*self.fixed, "memory", "cc")]
        constraints = ["=&r"] * len(written) + ["r"] * len(given) + tied + clobbered
        values = [f"i32 {value}" for value in self.constants.values()]
        values += [f"{_type(name)} %{name}" for name in self.read]
        values += [f"i32 %{name}.before" for name in cells]
        values += [f"{_type(name)} %{name}" for name in self.changed]
        parameters = [f"{_type(name)} %{name}" for name in (*self.changed, *self.read)]
        if self.sums:
            parameters.insert(0, "ptr %sums")
        before = [
            f"  %{name}.at = getelementptr i32, ptr %sums, i32 {number}\n"
            f"  %{name}.before = load i32, ptr %{name}.at"
            for number, name in enumerate(cells)
        ]
        types = [_type(name) for name in written]
        result = f"{{ {', '.join(types)} }}" if len(types) > 1 else types[0]
        after = [
            f"  %{name} = extractvalue {result} %found, {number}\n"
            f"  store i32 %{name}, ptr %{name}.at"
            for number, name in enumerate(cells)
        ]
        return "\n".join(
            [
                f"define void @{self.symbol}({', '.join(parameters)}) {{",
                *before,
                f'  %found = call {result} asm sideeffect "{body}", "{",".join(constraints)}"'
                f"({', '.join(values)})",
                *after,
                "  ret void",
                "}",
                "",
            ]
        )


def _type(name: str) -> str:
    return "ptr" if name.endswith("_at") else "i32"


def place(buffer: Buffer, at: Expression) -> Expression:
    """A pointer to an element, for a routine."""
    return tirx.address_of(load(buffer, at))


_POINTERS = """
define ptr @intaglio_dsp_either(i32 %first, ptr %a, ptr %b) {
  %chosen = icmp ne i32 %first, 0
  %found = select i1 %chosen, ptr %a, ptr %b
  ret ptr %found
}

define ptr @intaglio_dsp_moved(ptr %from, i32 %bytes) {
  %found = getelementptr i8, ptr %from, i32 %bytes
  ret ptr %found
}

define i32 @intaglio_dsp_difference(ptr %a, ptr %b) {
  %first = ptrtoint ptr %a to i32
  %second = ptrtoint ptr %b to i32
  %found = sub i32 %first, %second
  ret i32 %found
}

define i32 @intaglio_dsp_word(ptr %at) {
  %found = load i32, ptr %at
  ret i32 %found
}
"""


def either(first: Expression, a: Expression, b: Expression) -> Expression:
    """The pointer ``a`` where an int32 isn't 0, else ``b``."""
    return llvm.call("handle", "intaglio_dsp_either", first, a, b)


def moved(pointer: Expression, count: Expression) -> Expression:
    """A pointer some bytes further, which may lie outside of the memory of the first one."""
    return llvm.call("handle", "intaglio_dsp_moved", pointer, count)


def difference(a: Expression, b: Expression) -> Expression:
    """Bytes from ``b`` to ``a``, in memories of any kind, as int32."""
    return llvm.call("int32", "intaglio_dsp_difference", a, b)


def word_at(pointer: Expression) -> Expression:
    """The int32 at a pointer, in memory of any type."""
    return llvm.call("int32", "intaglio_dsp_word", pointer)


def importing(kernel: Kernel, routines: Sequence[Routine]) -> Kernel:
    """The kernel beside the routines that it calls."""
    text = _POINTERS + "".join({routine.symbol: routine.text for routine in routines}.values())
    stages = tuple(
        replace(stage, function=stage.function.with_body(llvm.importing(text, stage.function.body)))
        for stage in kernel.stages
    )
    return replace(kernel, stages=stages)
