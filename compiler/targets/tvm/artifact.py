# SPDX-License-Identifier: Apache-2.0
"""What a user gets: an object, its header, a program that calls it, a manifest."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.example_program import bare_program, example_program
from intaglio.compiler.targets.tvm.footprint.report import Footprint, as_json, footprint
from intaglio.compiler.targets.tvm.header import header
from intaglio.compiler.targets.tvm.interface import Borders, Interface, Port, interface
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.compiler.targets.tvm.network import Network, compile_network
from intaglio.compiler.targets.tvm.thread_pool import thread_pool
from intaglio.compiler.targets.tvm.unsupported import refuse_unsupported
from intaglio.errors import InvalidOption

MOST_THREADS = 256


@dataclass(frozen=True, slots=True)
class Artifact:
    """The files of a compiled network.

    Attributes:
        object: the network.
        header: how to call it.
        program: an example that calls it.
        manifest: what it was made of, and how.
        footprint: what it needs.
        pool: threads for it, in C; None for one thread.
    """

    object: Path
    header: Path
    program: Path
    manifest: Path
    footprint: Footprint
    pool: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(
            filter(None, (self.object, self.header, self.program, self.pool, self.manifest))
        )


def write_artifact(
    graph: Graph,
    name: str,
    folder: Path,
    machine: Machine,
    borders: Borders = Borders.CODES,
    threads: int = 1,
    *,
    layer_callback: bool = False,
) -> Artifact:
    """Compile a fixed graph into ``folder``: NAME.o, NAME.h, main.c and NAME.json.

    For more than one thread there is a pool for them, NAME_threads.c, too.

    Args:
        graph: verified, at the fixed level.
        name: a C identifier, the prefix of every symbol.
        folder: made where it doesn't exist.
        machine: the processor that the object is for.
        borders: whether the function takes and gives codes or float32.
        threads: that share the work of a call.
        layer_callback: whether ``NAME_run_traced`` shows the result of each step to its caller.

    Raises:
        InvalidOption: the name is no C identifier, the number of threads makes no sense, or many
            threads are to be traced.
        UnsupportedModel: the graph has an op that isn't compiled.
    """
    if not (name.isascii() and name.isidentifier()):
        raise InvalidOption("name", name, "is no C identifier", "use letters, digits and _")
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
    found = interface(graph, borders)
    refuse_unsupported(found.graph)
    network = compile_network(found.graph, name, machine, shared=threads > 1, traced=layer_callback)
    folder.mkdir(parents=True, exist_ok=True)
    object = folder / f"{name}.o"
    network.module.write_to_file(str(object))
    written = Artifact(
        object,
        folder / f"{name}.h",
        folder / "main.c",
        folder / f"{name}.json",
        _footprint(network, object),
        folder / f"{name}_threads.c" if threads > 1 else None,
    )
    layers = [form.name for form in network.forms] if layer_callback else []
    text = header(name, found, network.plan.size, version("intaglio"), threads, layers)
    written.header.write_text(text)
    program = (
        bare_program(name, found, machine.cpu)
        if machine.bare
        else example_program(name, found, threads)
    )
    written.program.write_text(program)
    if written.pool is not None:
        written.pool.write_text(thread_pool(name))
    facts = manifest(network, found, threads) | {"footprint": as_json(written.footprint)}
    written.manifest.write_text(json.dumps(facts, indent=2) + "\n")
    return written


def _footprint(network: Network, object: Path) -> Footprint:
    with TemporaryDirectory() as folder:
        assembly = Path(folder) / "network.s"
        network.module.write_to_file(str(assembly))
        return footprint(network, object, assembly)


def manifest(network: Network, found: Interface, threads: int) -> dict[str, Any]:
    """Versions, machine, threads, memory, ports, and the form of each kernel."""
    return {
        "name": network.name,
        "graph": network.graph.name,
        "profile": network.graph.profile,
        "versions": {
            package: version(package) for package in ("intaglio", "apache-tvm", "apache-tvm-ffi")
        },
        "machine": {
            "triple": network.machine.triple,
            "cpu": network.machine.cpu,
            "instructions": network.machine.instructions.value,
        },
        "threads": threads,
        "arena": {"bytes": network.plan.size, "most_live_bytes": network.plan.live},
        "constants": {"bytes": network.constants},
        "inputs": [_port(port) for port in found.inputs],
        "outputs": [_port(port) for port in found.outputs],
        "kernels": [
            {"name": each.name, "ops": each.ops, "form": each.form, "functions": each.functions}
            for each in network.forms
        ],
    }


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.source,
        "type": str(port.type.element),
        "shape": list(port.type.shape),
        "scale": None if port.scale is None else port.scale.value,
        "zero_point": port.zero_point,
    }
