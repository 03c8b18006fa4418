# SPDX-License-Identifier: Apache-2.0
"""What a user gets: an object, its header, a program that calls it, a manifest."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.integer_scalings import integer_scalings
from intaglio.compiler.targets.tvm.compiled_network import Network
from intaglio.compiler.targets.tvm.dispatch import Variant, dispatcher, variant_suffix
from intaglio.compiler.targets.tvm.example_program import bare_program, example_program
from intaglio.compiler.targets.tvm.fitting import fitted
from intaglio.compiler.targets.tvm.footprint.budgets import NO_BUDGETS, Budgets, refuse_excess
from intaglio.compiler.targets.tvm.footprint.report import Footprint, as_json, footprint, together
from intaglio.compiler.targets.tvm.header import header
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.compiler.targets.tvm.manifest import arena, manifest
from intaglio.compiler.targets.tvm.network import compile_network
from intaglio.compiler.targets.tvm.order import ordered
from intaglio.compiler.targets.tvm.schedule import steps
from intaglio.compiler.targets.tvm.thread_pool import thread_pool
from intaglio.compiler.targets.tvm.tiling import Tiling
from intaglio.compiler.targets.tvm.unsupported import refuse_float64, refuse_unsupported
from intaglio.errors import InvalidOption

MOST_THREADS = 256


@dataclass(frozen=True, slots=True)
class Compiled:
    """An object.

    Attributes:
        path: the file.
        symbols: what it defines for callers.
    """

    path: Path
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Strips:
    """Layers that are computed in strips of rows.

    Attributes:
        first: the first layer, by its name in the user's model.
        last: the last one, whose rows are cut.
        rows: of a strip.
        count: of strips.
        extra: the share of their work that is done again.
    """

    first: str
    last: str
    rows: int
    count: int
    extra: float


@dataclass(frozen=True, slots=True)
class _Built:
    """Networks in a folder of their own."""

    graph: Graph
    networks: Sequence[Network]
    objects: Sequence[Compiled]
    footprint: Footprint

    @property
    def scratch(self) -> Sequence[int]:
        """By step, the most that a kernel needs for itself."""
        forms = zip(*(network.forms for network in self.networks), strict=True)
        return [max(form.scratch for form in each) for each in forms]


@dataclass(frozen=True, slots=True)
class Artifact:
    """The files of a compiled network.

    Attributes:
        objects: the network; where there are several, the first one chooses among the others.
        header: how to call it.
        program: an example that calls it.
        manifest: what it was made of, and how.
        footprint: what it needs.
        strips: layers that are computed in strips.
        pool: threads for it, in C; None for one thread.
    """

    objects: tuple[Compiled, ...]
    header: Path
    program: Path
    manifest: Path
    footprint: Footprint
    strips: tuple[Strips, ...] = ()
    pool: Path | None = None

    @property
    def object(self) -> Path:
        """The object with the functions that callers name."""
        return self.objects[0].path

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        objects = (each.path for each in self.objects)
        return tuple(filter(None, (*objects, self.header, self.program, self.pool, self.manifest)))


def write_artifact(
    graph: Graph,
    name: str,
    folder: Path,
    machine: Machine,
    borders: Borders = Borders.CODES,
    threads: int = 1,
    *,
    layer_callback: bool = False,
    budgets: Budgets = NO_BUDGETS,
    tile: bool | None = None,
) -> Artifact:
    """Compile a fixed graph into ``folder``: NAME.o, NAME.h, main.c and NAME.json.

    For more than one thread there is a pool for them, NAME_threads.c, too.  For a machine with
    alternatives there are objects for each, and NAME.o calls the best that the processor runs.

    Args:
        graph: verified, at the fixed level.
        name: a C identifier, the prefix of every symbol.
        folder: made where it doesn't exist.
        machine: the processor that the object is for.
        borders: whether the function takes and gives codes or float32.
        threads: that share the work of a call.
        layer_callback: whether ``NAME_run_traced`` shows the result of each step to its caller.
        budgets: memory that the network may need.
        tile: whether to compute layers in strips; None: where the RAM would not suffice otherwise.

    Raises:
        ExceedsBudget: the network needs more; nothing is written.
        InvalidOption: the name is no C identifier, the number of threads makes no sense, or many
            threads are to be traced.
        UnsupportedModel: the graph has an op that isn't compiled.
    """
    require_identifier(name)
    if not 1 <= threads <= MOST_THREADS:
        raise InvalidOption(
            "threads", threads, "no such number of threads", f"use 1 to {MOST_THREADS}"
        )
    if layer_callback and threads > 1:
        raise InvalidOption(
            "layer callback",
            f"with {threads} threads",
            "steps are traced on one thread alone",
            "leave the threads out: the bits are the same",
        )
    if layer_callback and machine.alternatives:
        raise InvalidOption(
            "layer callback",
            "with code for several processors",
            "the steps of one are traced alone",
            "choose the target of one",
        )
    found = interface(graph, borders)
    refuse_unsupported(found.graph)
    graph = ordered(found.graph)
    graph = integer_scalings(graph) if machine.integers_alone else graph
    if machine.bare:
        refuse_float64(graph)
    entries = ["run"]
    if threads > 1:
        entries.append("run_parallel")
    if layer_callback:
        entries.append("run_traced")
    with TemporaryDirectory() as held:

        def build(graph: Graph) -> _Built:
            networks = _compiled(graph, name, machine, threads, layer_callback)
            objects = tuple(_write_objects(name, networks, entries, Path(mkdtemp(dir=held))))
            return _Built(graph, networks, objects, _footprint(networks, objects))

        best = fitted(graph, build, budgets, tile)
        networks, needed = best.built.networks, best.built.footprint
        refuse_excess(best.built.graph, needed, budgets, tiled=tile is not False)
        folder.mkdir(parents=True, exist_ok=True)
        objects = tuple(_moved(each, folder) for each in best.built.objects)
    found = replace(found, graph=best.built.graph)
    written = Artifact(
        objects,
        folder / f"{name}.h",
        folder / "main.c",
        folder / f"{name}.json",
        needed,
        tuple(_strips(graph, best.tiling)),
        folder / f"{name}_threads.c" if threads > 1 else None,
    )
    layers = [form.name for form in networks[0].forms] if layer_callback else []
    text = header(name, found, arena(networks), version("intaglio"), threads, layers)
    written.header.write_text(text)
    command = " ".join([machine.compiler, *(each.path.name for each in written.objects)])
    program = (
        bare_program(name, found, f"{command} -mcpu={machine.cpu} -mthumb")
        if machine.bare
        else example_program(name, found, threads, command)
    )
    written.program.write_text(program)
    if written.pool is not None:
        written.pool.write_text(thread_pool(name))
    stated = manifest(name, networks, found, threads)
    stated["footprint"] = as_json(written.footprint)
    stated["strips"] = [asdict(each) for each in written.strips]
    written.manifest.write_text(json.dumps(stated, indent=2) + "\n")
    return written


def require_identifier(name: str) -> None:
    """Refuse a name that C can't use.

    Raises:
        InvalidOption: it is no C identifier.
    """
    if not (name.isascii() and name.isidentifier()):
        raise InvalidOption("name", name, "is no C identifier", "use letters, digits and _")


def _compiled(
    graph: Graph, name: str, machine: Machine, threads: int, layer_callback: bool
) -> list[Network]:
    """The network for a machine; for one with alternatives one each, the best first."""
    shared = threads > 1
    if not machine.alternatives:
        return [compile_network(graph, name, machine, shared=shared, traced=layer_callback)]
    return [
        compile_network(graph, f"{name}_{variant_suffix(each)}", each, shared=shared)
        for each in (*machine.alternatives, replace(machine, alternatives=()))
    ]


def _footprint(networks: Sequence[Network], objects: Sequence[Compiled]) -> Footprint:
    """What one network needs, or what several need beside each other."""
    found: list[Footprint] = []
    for network, object in zip(networks, objects[-len(networks) :], strict=True):
        assembly = object.path.with_suffix(".s")
        network.module.write_to_file(str(assembly))
        found.append(footprint(network, object.path, assembly))
    return together(found)


def _strips(graph: Graph, tiling: Tiling | None) -> Iterator[Strips]:
    taken = steps(graph)
    for region in () if tiling is None else tiling.regions:
        first, last = (taken[number].node for number in (region.first, region.last))
        yield Strips(
            first.source or first.name,
            last.source or last.name,
            region.height,
            region.count,
            region.extra / max(region.work, 1),
        )


def _moved(object: Compiled, folder: Path) -> Compiled:
    return replace(object, path=Path(shutil.move(object.path, folder / object.path.name)))


def _write_objects(
    name: str, networks: Sequence[Network], entries: Sequence[str], folder: Path
) -> Iterator[Compiled]:
    """Write the objects; of several networks, the one that chooses among them is the first."""
    if len(networks) > 1:
        variants = [Variant(each.name, each.machine.instructions) for each in networks]
        yield _write(dispatcher(name, variants, entries), name, entries, folder)
    for network in networks:
        yield _write(network.module, network.name, entries, folder)


def _write(module: Any, name: str, entries: Sequence[str], folder: Path) -> Compiled:
    path = folder / f"{name}.o"
    module.write_to_file(str(path))
    return Compiled(path, tuple(f"{name}_{entry}" for entry in entries))
