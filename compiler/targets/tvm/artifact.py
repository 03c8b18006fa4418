# SPDX-License-Identifier: Apache-2.0
"""What a user gets: an object, its header, a program that calls it, a manifest."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.header import example_program, header
from intaglio.compiler.targets.tvm.interface import Borders, Interface, Port, interface
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.compiler.targets.tvm.network import Network, compile_network
from intaglio.compiler.targets.tvm.unsupported import refuse_unsupported
from intaglio.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Artifact:
    """The files of a compiled network."""

    object: Path
    header: Path
    program: Path
    manifest: Path


def write_artifact(
    graph: Graph, name: str, folder: Path, machine: Machine, borders: Borders = Borders.CODES
) -> Artifact:
    """Compile a fixed graph into ``folder``: NAME.o, NAME.h, main.c and NAME.json.

    Args:
        graph: verified, at the fixed level.
        name: a C identifier, the prefix of every symbol.
        folder: made where it doesn't exist.
        machine: the processor that the object is for.
        borders: whether the function takes and gives codes or float32.

    Raises:
        InvalidOption: the name is no C identifier.
        UnsupportedModel: the graph has an op that isn't compiled.
    """
    if not (name.isascii() and name.isidentifier()):
        raise InvalidOption("name", name, "is no C identifier", "use letters, digits and _")
    found = interface(graph, borders)
    refuse_unsupported(found.graph)
    network = compile_network(found.graph, name, machine)
    folder.mkdir(parents=True, exist_ok=True)
    written = Artifact(
        folder / f"{name}.o", folder / f"{name}.h", folder / "main.c", folder / f"{name}.json"
    )
    network.module.write_to_file(str(written.object))
    written.header.write_text(header(name, found, network.plan.size, version("intaglio")))
    written.program.write_text(example_program(name, found))
    written.manifest.write_text(json.dumps(manifest(network, found), indent=2) + "\n")
    return written


def manifest(network: Network, found: Interface) -> dict[str, Any]:
    """Versions, machine, memory, ports, and the form of each kernel."""
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
        "arena": {"bytes": network.plan.size, "most_live_bytes": network.plan.live},
        "constants": {"bytes": network.constants},
        "inputs": [_port(port) for port in found.inputs],
        "outputs": [_port(port) for port in found.outputs],
        "kernels": [asdict(form) for form in network.forms],
    }


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.source,
        "type": str(port.type.element),
        "shape": list(port.type.shape),
        "scale": None if port.scale is None else port.scale.value,
        "zero_point": port.zero_point,
    }
