# SPDX-License-Identifier: Apache-2.0
"""Quantized ONNX in, a fixed graph in an ``.intaglio`` file out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from intaglio.commands.models import EXTENSION, LoweringOptions, lower_file
from intaglio.commands.output_files import require_writable
from intaglio.compiler.analysis.accumulator_bits import AccumulatorBits, accumulator_report
from intaglio.compiler.ir.file import save
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import print_graph
from intaglio.compiler.ir.verify import integer_only
from intaglio.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class LoweringSummary:
    """What was written.

    Attributes:
        output: the file.
        profile: the arithmetic.
        nodes: how many nodes the fixed graph has.
        integer_only: whether no float32 is in it, not even at its border.
        bytes: size of the file.
        overflowing: sums that some input could take out of their accumulator, as far as a proof
            can tell; they wrap or saturate as the profile says.
    """

    output: Path
    profile: str
    nodes: int
    integer_only: bool
    bytes: int
    overflowing: tuple[AccumulatorBits, ...]


def lower_to_file(
    path: Path,
    output: Path,
    options: LoweringOptions,
    *,
    print_after: str | None = None,
    show: Callable[[str], None] = lambda text: None,
) -> LoweringSummary:
    """Lower the quantized ONNX model in ``path`` and write ``output``, whole or not at all.

    Args:
        path: a quantized ONNX model.
        output: the ``.intaglio`` file to write.
        options: profile, batch, shapes.
        print_after: a pass after which ``show`` gets the graph's text; ``import`` for the first.
        show: takes the text.

    Raises:
        InvalidFile: a file can't be read or written, or the model is a float one.
        InvalidOption: an option doesn't fit, or there is no such pass.
        UnsupportedModel: parts of the model have no integer form.
    """
    if output.suffix != EXTENSION:
        raise InvalidOption(
            "--output", output, f"it doesn't end in {EXTENSION}", f"name it so: model{EXTENSION}"
        )
    require_writable(output)
    printer = _Printer(print_after, show)
    graph = lower_file(path, options, printer.after)
    printer.require_found()
    save(graph, output)
    report = accumulator_report(graph)
    return LoweringSummary(
        output,
        graph.profile,
        len(graph.nodes),
        integer_only(graph),
        output.stat().st_size,
        tuple(bits for bits in report if bits.final_bits > bits.declared_bits),
    )


@dataclass
class _Printer:
    """Shows the graph after the pass that was asked for, and remembers which passes ran."""

    wanted: str | None
    show: Callable[[str], None]
    passes: list[str] = field(default_factory=list[str])

    def after(self, name: str, graph: Graph) -> None:
        self.passes.append(name)
        if name == self.wanted:
            self.show(print_graph(graph))

    def require_found(self) -> None:
        if self.wanted is not None and self.wanted not in self.passes:
            raise InvalidOption(
                "--print-after",
                self.wanted,
                "no such pass ran",
                f"choose one of {', '.join(self.passes)}",
            )
