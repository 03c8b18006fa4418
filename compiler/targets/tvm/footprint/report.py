# SPDX-License-Identifier: Apache-2.0
"""The footprint of a compiled network: flash, RAM and work, in all and by layer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.compiled_network import Network, StepForm
from intaglio.compiler.targets.tvm.footprint.frames import StackBound, frames, stack_bound
from intaglio.compiler.targets.tvm.footprint.object_file import ObjectFile, read_object
from intaglio.compiler.targets.tvm.plan import Block, aligned
from intaglio.compiler.targets.tvm.views import bytes_of


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of the network; all sizes in bytes.

    Attributes:
        step: its number.
        name: of the node in the user's model.
        value: what it stores, as the graph calls it.
        ops: the node's and its followers'.
        form: of its kernel.
        functions: its code, which other steps may share.
        multiply_accumulates: products of its sums.
        constants: that it reads, which other steps may share.
        result: of what it stores.
        scratch: for itself.
        live: of all that the arena must hold while it runs.
    """

    step: int
    name: str
    value: str
    ops: tuple[str, ...]
    form: str
    functions: tuple[str, ...]
    multiply_accumulates: int
    constants: int
    result: int
    scratch: int
    live: int


@dataclass(frozen=True, slots=True)
class Place:
    """What a value takes of the arena.

    Attributes:
        layer: of the step that writes it first, by its name in the user's model.
        value: its name in the graph.
        offset: in bytes.
        size: in bytes, up to the next aligned place.
        first: the step that writes it first.
        last: the last step that needs it.
    """

    layer: str
    value: str
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """All sizes in bytes.

    Attributes:
        functions: the code of each, by symbol.
        code: of all functions, with the literals between them.
        constants: weights, biases and tables.
        other_constants: constants that code refers to, and what describes its frames.
        data: memory with a first value; it needs flash and RAM.
        zeroed: memory that starts as zeros.
        arena: that the caller lends to a call.
        most_live: the most that the arena must hold at one step.
        peak: the number of that step, None where the arena is empty.
        places: what lies in the arena, by time.
        inputs: that the caller gives.
        outputs: that the caller takes.
        stack: the deepest path of calls.
        layers: the steps, in order.
    """

    functions: Mapping[str, int]
    code: int
    constants: int
    other_constants: int
    data: int
    zeroed: int
    arena: int
    most_live: int
    peak: int | None
    places: tuple[Place, ...]
    inputs: int
    outputs: int
    stack: StackBound
    layers: tuple[Layer, ...]

    @property
    def flash(self) -> int:
        """Code, constants and first values."""
        return self.code + self.constants + self.other_constants + self.data

    @property
    def ram(self) -> int:
        """The arena, inputs and outputs, memory of the object, and the stack where it is known."""
        held = self.arena + self.inputs + self.outputs + self.data + self.zeroed
        return held + (self.stack.size or 0)

    @property
    def held_at_peak(self) -> tuple[Place, ...]:
        """What the arena holds while it is fullest, the largest first."""
        if self.peak is None:
            return ()
        held = [place for place in self.places if place.first <= self.peak <= place.last]
        return tuple(sorted(held, key=lambda place: -place.size))

    @property
    def multiply_accumulates(self) -> int:
        """Products of all sums."""
        return sum(layer.multiply_accumulates for layer in self.layers)


def footprint(network: Network, object: Path, assembly: Path) -> Footprint:
    """What a network needs.

    Args:
        network: as it was compiled.
        object: its object file.
        assembly: the same code as text.
    """
    written = read_object(object.read_bytes())
    found = frames(assembly.read_text(encoding="utf-8"), network.machine.triple)
    live = live_by_step(network.blocks, len(network.forms))
    peak = int(np.argmax(live)) if network.blocks else None
    graph = network.graph
    return Footprint(
        functions=written.functions,
        code=written.code,
        constants=network.constants,
        other_constants=_others(written, network),
        data=written.data,
        zeroed=written.zeroed,
        arena=network.plan.size,
        most_live=network.plan.live,
        peak=peak,
        places=tuple(_places(network)),
        inputs=sum(bytes_of(graph, value.name) for value in graph.inputs),
        outputs=sum(bytes_of(graph, name) for name in graph.outputs),
        stack=stack_bound(found, f"{network.name}_run"),
        layers=tuple(
            _layer(graph, form, number, live[number]) for number, form in enumerate(network.forms)
        ),
    )


def together(found: Sequence[Footprint]) -> Footprint:
    """Networks of which one is called at a time: the last one's, and the flash of all."""
    if len(found) == 1:
        return found[0]
    return replace(
        found[-1],
        functions={name: size for each in found for name, size in each.functions.items()},
        code=sum(each.code for each in found),
        constants=sum(each.constants for each in found),
        other_constants=sum(each.other_constants for each in found),
        data=sum(each.data for each in found),
        zeroed=sum(each.zeroed for each in found),
        arena=max(each.arena for each in found),
        stack=max((each.stack for each in found), key=_depth),
    )


def _depth(bound: StackBound) -> float:
    return float("inf") if bound.size is None else bound.size


def live_by_step(blocks: Sequence[Block], steps: int) -> list[int]:
    """Bytes that the arena must hold at each step."""
    live = [0] * steps
    for block in blocks:
        for step in range(block.first, block.last + 1):
            live[step] += aligned(block.size)
    return live


def as_json(found: Footprint) -> dict[str, Any]:
    """For manifests and scripts, with the sums."""
    sums = {
        "flash_bytes": found.flash,
        "ram_bytes": found.ram,
        "multiply_accumulates": found.multiply_accumulates,
    }
    return sums | asdict(found)


def _others(written: ObjectFile, network: Network) -> int:
    """A network without constants has a line of them all the same."""
    return max(written.constants - network.constants, 0)


def _places(network: Network) -> Iterator[Place]:
    for block in sorted(network.blocks, key=lambda each: each.first):
        yield Place(
            layer=network.forms[block.first].source,
            value=block.name,
            offset=network.plan.offsets[block.name],
            size=aligned(block.size),
            first=block.first,
            last=block.last,
        )


def _layer(graph: Graph, form: StepForm, number: int, live: int) -> Layer:
    return Layer(
        step=number,
        name=form.source,
        value=form.name,
        ops=form.ops,
        form=form.form,
        functions=form.functions,
        multiply_accumulates=form.multiply_accumulates,
        constants=form.constants,
        result=bytes_of(graph, form.name),
        scratch=form.scratch,
        live=live,
    )
