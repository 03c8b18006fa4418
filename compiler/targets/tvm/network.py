# SPDX-License-Identifier: Apache-2.0
"""A whole fixed graph as one object with one C function.

    int32_t NAME_run(const void *const *inputs, void *const *outputs, void *arena)

The function returns 0.  The object holds its constants and needs nothing but memcpy and memset,
and not even those where there is no operating system.
For threads there is a second function, which takes the caller's ``parallel_for`` and its pool too;
for tracing one that takes a callback, and calls it after each step with the step's result.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from intaglio.compiler.analysis.contractions import multiply_accumulates
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir.graph import Constant, Graph, Input
from intaglio.compiler.targets.tvm import jit, llvm
from intaglio.compiler.targets.tvm.compiled_network import Network, NetworkFunctions, StepForm
from intaglio.compiler.targets.tvm.constants import Constants
from intaglio.compiler.targets.tvm.function import (
    Function,
    Kernel,
    Stage,
    index,
    structural_key,
)
from intaglio.compiler.targets.tvm.kernels.choice import choose
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.library import ir, statements, tirx
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.compiler.targets.tvm.number import TooWide
from intaglio.compiler.targets.tvm.overwriting import last_reads, overwritten
from intaglio.compiler.targets.tvm.plan import Block, plan
from intaglio.compiler.targets.tvm.schedule import Step, steps
from intaglio.compiler.targets.tvm.standalone import standalone
from intaglio.compiler.targets.tvm.symbols import exporting
from intaglio.compiler.targets.tvm.task_calls import call_alone, call_shared, task, task_name
from intaglio.compiler.targets.tvm.trace_calls import report, traced_name
from intaglio.compiler.targets.tvm.views import View, bytes_of, memory_of, views
from intaglio.compiler.targets.tvm.work import worth_sharing
from intaglio.errors import UnsupportedModel
from intaglio.numerics.intervals import Interval


def compile_network(
    graph: Graph,
    name: str,
    machine: Machine,
    *,
    shared: bool = False,
    traced: bool = False,
    for_jit: bool = False,
) -> Network:
    """Compile a fixed graph.

    Args:
        graph: verified, at the fixed level, without an op that ``unsupported`` names.
        name: a C identifier.
        machine: the processor that the object is for.
        shared: whether there is ``NAME_run_parallel`` too, whose caller shares work among threads.
        traced: whether there is ``NAME_run_traced`` too, which shows each step's result; not with
            ``shared``.
        for_jit: whether LLVM's JIT must find the function, by TVM's convention for calls.

    Raises:
        UnsupportedModel: a value within an op needs more than 128 bits.
    """
    return _Compilation(graph, name, machine, shared, traced).network(for_jit)


def network_functions(
    graph: Graph, name: str, machine: Machine, constants: Constants, *, traced: bool = False
) -> NetworkFunctions:
    """The functions of a fixed graph, on one thread.

    Args:
        graph: verified, at the fixed level, without an op that ``unsupported`` names.
        name: a C identifier.
        machine: the processor whose kernels are taken.
        constants: gets the arrays that the functions read.
        traced: whether there is ``NAME_run_traced`` too.

    Raises:
        UnsupportedModel: a value within an op needs more than 128 bits.
    """
    return _Compilation(graph, name, machine, False, traced, constants).functions()


def wide_steps(graph: Graph, names: Collection[str], machine: Machine) -> Mapping[str, str]:
    """How many bits the named nodes of a fixed graph need, by node, where 128 don't suffice."""
    ranges = value_ranges(graph)
    found: dict[str, str] = {}
    for step in steps(graph):
        if step.node.name not in names:
            continue
        try:
            choose(Scope(Function(), graph, ranges, step.node, step.followers), machine)
        except TooWide as error:
            found[step.node.name] = str(error)
    return found


class _Compilation:
    """One run of the compiler."""

    def __init__(
        self,
        graph: Graph,
        name: str,
        machine: Machine,
        shared: bool,
        traced: bool,
        constants: Constants | None = None,
    ) -> None:
        self._graph, self._name, self._machine = graph, name, machine
        self._shared, self._traced = shared, traced
        self._constants = Constants() if constants is None else constants
        self._functions: dict[str, Any] = {}
        self._named: dict[Any, str] = {}
        self._calls: list[str] = []
        self._places = dict(views(graph).places)
        self._steps = steps(graph)
        ranges = value_ranges(graph)
        reads = last_reads(self._steps)
        self._kernels: list[Kernel] = []
        for number, step in enumerate(self._steps):
            operand = overwritten(graph, step, number, self._places, reads)
            kernel = self._kernel(step, ranges, operand)
            self._kernels.append(kernel)
            if operand is not None and step.result.name not in kernel.tensors:
                self._places[step.result.name] = View(operand)
        self._plan = plan(self._blocks())

    def functions(self) -> NetworkFunctions:
        """The functions, not compiled."""
        # Entries name the kernels.
        entries = dict(self._entries())
        return NetworkFunctions(self._graph, self._functions, entries, self._plan, self._forms())

    def _forms(self) -> tuple[StepForm, ...]:
        return tuple(
            self._form(step, kernel)
            for step, kernel in zip(self._steps, self._kernels, strict=True)
        )

    def network(self, for_jit: bool) -> Network:
        """The module and all that is known of it."""
        entries = dict(self._entries())
        if for_jit:
            entries[f"__tvm_ffi_{self._name}_run"] = jit.caller(f"{self._name}_run")
        functions = {**self._functions, **entries}
        exported = {
            symbol: llvm.exported(function, symbol) for symbol, function in functions.items()
        }
        module = exporting(llvm.build(exported, self._machine.target), entries.keys())
        if self._machine.bare:
            module = standalone(module, self._machine, self._name)
        return Network(
            self._name,
            self._graph,
            self._machine,
            module,
            self._plan,
            tuple(self._blocks()),
            self._forms(),
            self._constants.size,
        )

    def _form(self, step: Step, kernel: Kernel) -> StepForm:
        """What a step became."""
        constants = (self._graph.constant(name) for name in dict.fromkeys(kernel.tensors))
        arrays = [constant.array for constant in constants if constant is not None]
        return StepForm(
            name=step.result.name,
            ops=tuple(type(node.op).__name__ for node in (step.node, *step.followers)),
            form=kernel.form,
            functions=tuple(map(self._symbol, kernel.stages)),
            source=step.node.source or step.node.name,
            constants=sum(array.nbytes for array in (*arrays, *kernel.tables)),
            scratch=kernel.scratch,
            multiply_accumulates=multiply_accumulates(self._graph, step.node),
        )

    def _kernel(self, step: Step, ranges: Mapping[str, Interval], in_place: str | None) -> Kernel:
        shared = self._shared and worth_sharing(self._graph, step.node)
        function = Function(shared, integers_alone=self._machine.integers_alone)
        scope = Scope(function, self._graph, ranges, step.node, step.followers, in_place)
        try:
            return choose(scope, self._machine)
        except TooWide as error:
            problem = f"{step.node.name}: found {error}, expected at most 128"
            raise UnsupportedModel(
                self._graph.name, [problem], "Use narrower multipliers or operands"
            ) from error

    def _symbol(self, stage: Stage) -> str:
        """The name of a stage's function; equal functions are compiled once."""
        key = structural_key(stage.function)
        if key not in self._named:
            name = f"{self._name}_kernel_{len(self._named)}"
            self._named[key] = name
            self._functions[name] = stage.function
            pointers = len(stage.function.params)
            if stage.tasks is None:
                self._calls.append(llvm.call_apart(name, pointers))
            else:
                self._functions[task_name(name)] = task(name, pointers - 2)
                self._calls.append(call_shared(name, pointers - 2))
        return self._named[key]

    def _memory(self, name: str) -> str:
        return memory_of(self._places, name).of

    def _blocks(self) -> list[Block]:
        """What the arena must hold, and when."""
        outside = set(self._graph.outputs)
        outside |= {value.name for value in self._graph.inputs}
        outside |= {constant.name for constant in self._graph.constants}
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        blocks: list[Block] = []
        for number, kernel in enumerate(self._kernels):
            for name in map(self._memory, kernel.tensors):
                if name not in outside:
                    first.setdefault(name, number)
                    last[name] = number
            if kernel.scratch:
                blocks.append(Block(_scratch(number), kernel.scratch, number, number))
        for name, start in first.items():
            blocks.append(Block(name, bytes_of(self._graph, name), start, last[name]))
        return blocks

    def _entries(self) -> Iterator[tuple[str, Any]]:
        """The functions that callers see, by name."""
        given = _handles("inputs", "outputs", "arena")
        if not self._shared and not self._traced:
            yield f"{self._name}_run", self._run(*given)
            return
        if self._shared:
            entry, helpers = f"{self._name}_run_parallel", _handles("parallel_for", "pool")
            yield entry, self._run(*given, *helpers)
        else:
            entry, hook = traced_name(self._name), _handles("callback", "context")
            yield entry, self._run(*given, hook=hook)
        given = _handles("inputs", "outputs", "arena")
        alone = llvm.evaluate(llvm.call("int32", f"{self._name}_alone", *given))
        yield f"{self._name}_run", _returning(given, call_alone(self._name, entry), [alone])

    def _run(
        self, inputs: Any, outputs: Any, arena: Any, *helpers: Any, hook: Sequence[Any] = ()
    ) -> Any:
        places: dict[str, Any] = {}
        for number, value in enumerate(self._graph.inputs):
            places[value.name] = self._call("pointer", inputs, _long(number))
        copies: list[Any] = []
        for number, name in enumerate(self._graph.outputs):
            to = self._call("pointer", outputs, _long(number))
            definition = self._graph.definitions[name]
            if isinstance(definition, (Input, Constant)) or name in places:
                copies.append((name, to))
            else:
                places[name] = to
        for constant in self._graph.constants:
            places[constant.name] = constant
        for name, offset in self._plan.offsets.items():
            places[name] = self._call("offset", arena, _long(offset))
        calls: list[Any] = []
        for number, kernel in enumerate(self._kernels):
            calls += self._step(number, kernel, places, helpers)
            if hook:
                calls.append(self._report(number, places, hook))
        calls += [self._copy(self._place(places, name), to, name) for name, to in copies]
        text = self._constants.llvm_text(self._name)
        text += "".join(self._calls)
        if hook:
            text += report(self._name)
        return _returning([inputs, outputs, arena, *helpers, *hook], text, calls)

    def _step(
        self, number: int, kernel: Kernel, places: Mapping[str, Any], helpers: tuple[Any, ...]
    ) -> Iterator[Any]:
        """The calls of a kernel's stages."""
        pointers = [self._place(places, name) for name in kernel.tensors]
        for start in kernel.areas:
            area = places[_scratch(number)]
            pointers.append(self._call("offset", area, _long(start)) if start else area)
        pointers += [self._constant(self._constants.add(array)) for array in kernel.tables]
        for stage in kernel.stages:
            first = () if stage.tasks is None else (*helpers, index(stage.tasks))
            called = llvm.call("void", f"{self._symbol(stage)}_call", *first, *pointers)
            yield llvm.evaluate(called)

    def _report(self, number: int, places: Mapping[str, Any], hook: Sequence[Any]) -> Any:
        """The call that shows the result of a step."""
        name = self._steps[number].result.name
        result = self._place(places, name)
        size = index(bytes_of(self._graph, name))
        called = llvm.call("void", f"{self._name}_report", *hook, index(number), result, size)
        return llvm.evaluate(called)

    def _place(self, places: Mapping[str, Any], name: str) -> Any:
        view = memory_of(self._places, name)
        found = places[view.of]
        if isinstance(found, Constant):
            return self._constant(self._constants.add(found.array))
        return found if view.offset == 0 else self._call("offset", found, _long(view.offset))

    def _copy(self, source: Any, to: Any, name: str) -> Any:
        count = tirx.IntImm(f"int{self._machine.pointer_bits}", bytes_of(self._graph, name))
        return llvm.evaluate(llvm.call("handle", "memcpy", to, source, count))

    def _call(self, function: str, *arguments: Any) -> Any:
        return llvm.call("handle", f"{self._name}_{function}", *arguments)

    def _constant(self, offset: int) -> Any:
        return self._call("constant", _long(offset))


def _handles(*names: str) -> list[Any]:
    return [tirx.Var(name, "handle") for name in names]


def _returning(parameters: Sequence[Any], imported: str, calls: Sequence[Any]) -> Any:
    """A function that makes some calls, into an LLVM module given as text too, and returns 0."""
    body = statements.SeqStmt([*calls, tirx.Return(tirx.IntImm("int32", 0))])
    return tirx.PrimFunc(parameters, llvm.importing(imported, body), ir.PrimType("int32"))


def _scratch(number: int) -> str:
    return f"scratch of step {number}"


def _long(value: int) -> Any:
    return tirx.IntImm("int64", value)
