# SPDX-License-Identifier: Apache-2.0
"""What a user gets who asks for source: a C file, its header, a program, a manifest."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.c_source.arrays import ConstantArrays
from intaglio.compiler.targets.c_source.source import source
from intaglio.compiler.targets.tvm.artifact import require_identifier
from intaglio.compiler.targets.tvm.compiled_network import Network
from intaglio.compiler.targets.tvm.example_program import example_program
from intaglio.compiler.targets.tvm.header import header
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.machine import Instructions, Machine
from intaglio.compiler.targets.tvm.manifest import manifest
from intaglio.compiler.targets.tvm.network import network_functions
from intaglio.compiler.targets.tvm.unsupported import refuse_unsupported

C99 = Machine("c99", "", Instructions.PORTABLE, pointer_bits=32)
"""Any processor, whose compiler the user has."""


@dataclass(frozen=True, slots=True)
class SourceArtifact:
    """The files of a network as source.

    Attributes:
        source: the network.
        header: how to call it.
        program: an example that calls it.
        manifest: what it was made of, and how.
        network: what is known of it.
    """

    source: Path
    header: Path
    program: Path
    manifest: Path
    network: Network

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return self.source, self.header, self.program, self.manifest


def write_source(
    graph: Graph,
    name: str,
    folder: Path,
    borders: Borders = Borders.CODES,
    *,
    layer_callback: bool = False,
) -> SourceArtifact:
    """Write a fixed graph into ``folder`` as C99: NAME.c, NAME.h, main.c and NAME.json.

    ``NAME.c`` needs ``stdint.h`` and ``string.h`` alone.  It computes the bits of the objects under
    every compiler whose ``int32_t`` and ``int64_t`` shift to the right with their sign.

    Args:
        graph: verified, at the fixed level.
        name: a C identifier, the prefix of every symbol.
        folder: made where it doesn't exist.
        borders: whether the function takes and gives codes or float32.
        layer_callback: whether ``NAME_run_traced`` shows the result of each step to its caller.

    Raises:
        InvalidOption: the name is no C identifier.
        UnsupportedModel: the graph has an op that isn't compiled.
    """
    require_identifier(name)
    found = interface(graph, borders)
    refuse_unsupported(found.graph)
    constants = ConstantArrays()
    functions = network_functions(found.graph, name, C99, constants, traced=layer_callback)
    text = source(name, functions, constants)
    plan, forms = functions.plan, functions.forms
    network = Network(name, found.graph, C99, None, plan, (), forms, constants.size)
    layers = [form.name for form in forms] if layer_callback else []
    program = example_program(name, found, 1, f"cc {name}.c")
    written = SourceArtifact(
        folder / f"{name}.c",
        folder / f"{name}.h",
        folder / "main.c",
        folder / f"{name}.json",
        network,
    )
    folder.mkdir(parents=True, exist_ok=True)
    written.source.write_text(text, encoding="utf-8")
    shown = header(name, found, plan.size, version("intaglio"), layers=layers)
    written.header.write_text(shown, encoding="utf-8")
    written.program.write_text(program, encoding="utf-8")
    stated = manifest(name, [network], found, 1)
    written.manifest.write_text(json.dumps(stated, indent=2) + "\n", encoding="utf-8")
    return written
