# SPDX-License-Identifier: Apache-2.0
"""Build a network for a processor, run it under an emulator, compare every bit, count."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from intaglio.commands.engines import Comparison
from intaglio.commands.progress import StepReport
from intaglio.commands.verify.feeds import Feeds
from intaglio.commands.verify.findings import Findings
from intaglio.commands.verify.programs import hidden_tensors, parts, room
from intaglio.compiler.analysis.contractions import multiply_accumulates
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.schedule import steps
from intaglio.errors import EmulationFailed, MissingTool
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.boards import BOARDS
from intaglio.simulator.emulated.device import Device

_MOST_BYTES, _MOST_RUNS = 1 << 28, 100
"""Tensors and runs that are held at once while they are compared."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much is done.

    Attributes:
        trace: whether every tensor is compared, and not the outputs alone.
        count: whether instructions are counted and accesses to memory watched, for one run.
    """

    trace: bool = False
    count: bool = True


@dataclass(frozen=True, slots=True)
class LayerCount:
    """What one step executes in one run.

    Attributes:
        name: of the value that it stores.
        ops: of its nodes.
        form: which instructions its kernel was written for.
        instructions: executed.
        multiply_accumulates: products of its sums.
    """

    name: str
    ops: tuple[str, ...]
    form: str
    instructions: int
    multiply_accumulates: int

    @property
    def rate(self) -> float | None:
        """Products for each instruction, where there are any."""
        if not (self.multiply_accumulates and self.instructions):
            return None
        return self.multiply_accumulates / self.instructions


@dataclass(frozen=True, slots=True)
class Count:
    """What one run executes.

    Attributes:
        instructions: from the call to the return.
        multiply_accumulates: products of all sums.
        layers: by step; empty where calls can't be told apart.
        stack: bytes below the caller's, at the deepest.
        strays: accesses outside of the memory that the network was given; there must be none.
    """

    instructions: int
    multiply_accumulates: int
    layers: tuple[LayerCount, ...]
    stack: int
    strays: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """One target.

    Attributes:
        target: its name.
        emulator: the machine that stood in for it.
        runs: of the graph, each a batch.
        comparison: with the simulator.
        programs: how many were built.
        arena: bytes that the caller lends.
        constants: bytes of weights, biases and tables.
        count: of one run; None where it wasn't asked for or can't be had.
        uncounted: why there is no count.
    """

    target: str
    emulator: str
    runs: int
    comparison: Comparison
    programs: int
    arena: int
    constants: int
    count: Count | None
    uncounted: str | None

    @property
    def agrees(self) -> bool:
        """Whether no bit differs and no access strays."""
        return self.comparison.differing == 0 and not (self.count and self.count.strays)


def verify(
    graph: Graph, target: str, feeds: Feeds, options: Options, report: StepReport
) -> Verification:
    """Hold what the compiled network computes on a processor against the simulator.

    The network is the one that ``intaglio compile`` writes: it takes and gives codes.  Its inputs
    are those that the simulator makes of the feeds.

    Args:
        graph: at the fixed level.
        target: of ``ARM_MACHINES``.
        feeds: what it runs over.
        options: how much is done.
        report: called with a step of the work, how much of it is done, and how much there is.

    Raises:
        EmulationFailed: a program can't be built, or ends with an error.
        MissingTool: a compiler or an emulator isn't installed.
        UnsupportedModel: the graph has an op that isn't compiled.
    """
    board = BOARDS[target]
    compiled = interface(graph, Borders.CODES).graph
    findings = Findings([*(given.name for given in compiled.inputs), *graph.definitions])
    with ExitStack() as stack:
        report(f"{target}: building", 0, None)
        plain = stack.enter_context(Device(compiled, target))
        programs = [_Program(plain, compiled.outputs, traced=False)]
        if options.trace:
            traced = stack.enter_context(Device(compiled, target, traced=True))
            names = [step["name"] for step in traced.manifest["kernels"]]
            programs.append(_Program(traced, names, traced=True))
            limit = None if board.memories is None else board.memories.large.size
            taken = plain.manifest["constants"]["bytes"] + plain.manifest["arena"]["bytes"]
            taken += sum(value.type.size * 4 for value in compiled.inputs)
            for part in parts(compiled, hidden_tensors(compiled), room(limit, taken)):
                device = stack.enter_context(Device(part, target))
                programs.append(_Program(device, part.outputs, traced=False))
        first = _run(graph, compiled, programs, feeds, findings, _Reported(target, report))
        count, uncounted = None, None
        if options.count:
            report(f"{target}: counting", 0, None)
            count, uncounted = count_run(compiled, plain, first)
        manifest = plain.manifest
    return Verification(
        target,
        machine_name(target),
        len(feeds.runs),
        findings.comparison(),
        len(programs),
        manifest["arena"]["bytes"],
        manifest["constants"]["bytes"],
        count,
        uncounted,
    )


def machine_name(target: str) -> str:
    """The emulated machine, such as ``mps2-an386``."""
    emulator = BOARDS[target].emulator
    return emulator[emulator.index("-M") + 1] if "-M" in emulator else emulator[0]


@dataclass(frozen=True, slots=True)
class _Program:
    """A device, what it shows, and whether it does by its trace."""

    device: Device
    names: Sequence[str]
    traced: bool


@dataclass(frozen=True, slots=True)
class _Reported:
    """Progress over all programs and runs of a target, of which one begins after ``before``."""

    target: str
    report: StepReport
    before: int = 0
    total: int = 0

    def __call__(self, done: int, _: int) -> None:
        self.report(f"{self.target}: running", self.before + done, self.total)


def _run(
    graph: Graph,
    compiled: Graph,
    programs: Sequence[_Program],
    feeds: Feeds,
    findings: Findings,
    report: _Reported,
) -> Mapping[str, Array]:
    """Run everything over all feeds; the compiled network's inputs of the first run."""
    wanted = {name for program in programs for name in program.names}
    given = tuple(value.name for value in compiled.inputs)
    size = sum(graph.type_of(name).size * 8 for name in wanted)
    total = len(feeds.runs) * len(programs)
    first: Mapping[str, Array] = {}
    at_once = min(_MOST_RUNS, max(1, _MOST_BYTES // max(size, 1)))
    for start, runs in _chunks(feeds.runs, at_once):
        expected = [simulated(graph, run, wanted | set(given)) for run in runs]
        inputs = [{name: values[name] for name in given} for values in expected]
        first = first or inputs[0]
        for number, program in enumerate(programs):
            before = start * len(programs) + number * len(runs)
            device = program.device
            show = device.trace if program.traced else device.run
            found = show(inputs, replace(report, before=before, total=total))
            for run, (tensors, values) in enumerate(zip(found, expected, strict=True), start):
                findings.add(run, tensors, values)
    return first


def _chunks(
    runs: Sequence[dict[str, Array]], count: int
) -> Iterator[tuple[int, Sequence[dict[str, Array]]]]:
    for start in range(0, len(runs), count):
        yield start, runs[start : start + count]


def simulated(graph: Graph, run: Mapping[str, Array], names: set[str]) -> dict[str, Array]:
    """The named values of a run."""
    kept: dict[str, Array] = {}

    def observe(name: str, array: Array) -> None:
        if name in names:
            kept[name] = array

    outputs = vectorized.run(graph, run, observe)
    constants = {each.name: each.array for each in graph.constants if each.name in names}
    return {**outputs, **constants, **kept}


def count_run(
    compiled: Graph, device: Device, sample: Mapping[str, Array]
) -> tuple[Count | None, str | None]:
    """The count, or why there is none; the emulator may have no plugins."""
    try:
        counted = device.count(sample)
        watched = device.accesses(sample)
    except MissingTool as error:
        return None, str(error)
    except EmulationFailed as error:
        if "plugin" not in str(error):
            raise
        return None, str(error)
    products = {
        step.result.name: sum(
            multiply_accumulates(compiled, node) for node in (step.node, *step.followers)
        )
        for step in steps(compiled)
    }
    described = zip(device.manifest["kernels"], counted.by_step, strict=False)
    layers = tuple(
        LayerCount(
            step["name"],
            tuple(step["ops"]),
            step["form"],
            instructions,
            products.get(step["name"], 0),
        )
        for step, instructions in described
    )
    total = sum(products.values())
    return Count(counted.total, total, layers, watched.stack, watched.strays), None
