# SPDX-License-Identifier: Apache-2.0
"""The main job on the digits network: quantize, lower, compile, simulate, compare, report."""

import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import intaglio
from intaglio.commands.batches import graph_specs
from intaglio.commands.compile import CompilationSummary, compile_graph
from intaglio.commands.data import open_dataset
from intaglio.commands.engines import Comparison, EngineName, prepare
from intaglio.commands.float_models import input_specs
from intaglio.commands.lower import lower_to_file
from intaglio.commands.models import EXTENSION, LoweringOptions
from intaglio.commands.parallel_runs import Engines
from intaglio.commands.quantize import CalibrationSource, Given, quantize_file
from intaglio.commands.simulate import SimulationResult, count_correct, simulate_dataset
from intaglio.compiler.analysis.accumulator_bits import AccumulatorBits, accumulator_report
from intaglio.compiler.ir.file import load
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.targets.tvm.machine import host
from intaglio.errors import InvalidFile

Progress = Callable[[int, int | None], None]

NETWORK = Path("examples/digits")
FLOAT_BATCH = 64


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the demo and the seconds it took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo shows.

    Attributes:
        images: how many held-out images.
        float_correct: read right by the float network in ONNX Runtime.
        quantized_correct: read right by the quantized ONNX file in ONNX Runtime.
        integer_correct: read right by the fixed graph.
        profile: the arithmetic of the fixed graph.
        comparison: the vectorized engine held against the reference on every tensor.
        compiled_comparison: the compiled engine held against the reference on every tensor.
        compiled: the object for this machine.
        compiled_rate: images a second of the compiled engine, batch 1.
        vectorized_rate: images a second of the vectorized engine, batch 1.
        accumulators: widths, declared and proved.
        float_bytes: the float ONNX file.
        quantized_bytes: the quantized ONNX file.
        integer_bytes: all constants of the fixed graph at their true widths.
        intaglio_bytes: the ``.intaglio`` file.
        stages: times.
        folder: where the files are.
    """

    images: int
    float_correct: int
    quantized_correct: int
    integer_correct: int
    profile: str
    comparison: Comparison
    compiled_comparison: Comparison
    compiled: CompilationSummary
    compiled_rate: float
    vectorized_rate: float
    accumulators: tuple[AccumulatorBits, ...]
    float_bytes: int
    quantized_bytes: int
    integer_bytes: int
    intaglio_bytes: int
    stages: tuple[Stage, ...]
    folder: Path

    @property
    def seconds(self) -> float:
        """All stages together."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def agrees(self) -> bool:
        """Whether the engines agree on every bit."""
        return self.comparison.differing == self.compiled_comparison.differing == 0


def run_demo(
    output: Path,
    *,
    network: Path | None = None,
    limit: int | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> DemoReport:
    """Take the digits network from float to integers and hold the engines against each other.

    Args:
        output: the folder for the quantized ONNX, the ``.intaglio`` file and the folder ``host``
            with the object, which takes the place of an earlier one; made if absent.
        network: the folder of the network; None for ``examples/digits`` of the checkout.
        limit: at most this many held-out images.
        threads: processes that simulate.
        progress: called with images done and their total, in the stages that take longest.

    Raises:
        InvalidFile: the network isn't there, or ``output`` can't be written.
    """
    network = network or Path(intaglio.__file__).parent.parent / NETWORK
    model, heldout = network / "digits.onnx", network / "heldout.npz"
    if not model.is_file():
        raise InvalidFile(model, "nothing is there", "run the demo from a checkout of Intaglio")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidFile(
            output, f"the folder can't be made ({error.strerror})", "name another with --output"
        ) from error
    quantized, lowered = output / "digits.qdq.onnx", output / f"digits{EXTENSION}"
    clock = _Clock()
    with clock.stage("quantize"):
        quantize_file(
            model,
            quantized,
            given=Given(CalibrationSource(network / "calibration.npz")),
        )
    with clock.stage("lower"):
        lower_to_file(quantized, lowered, LoweringOptions())
        graph = load(lowered)
    with clock.stage("prove accumulators"):
        accumulators = accumulator_report(graph)
    with clock.stage("compile"):
        shutil.rmtree(output / "host", ignore_errors=True)
        compiled = compile_graph(graph, output / "host", host(), "digits")
    with clock.stage("load the compiled engine"):
        prepare(graph, EngineName.COMPILED)
    with clock.stage("ONNX Runtime, both models"):
        float_correct = _correct_in_onnx_runtime(model, heldout, limit)
        quantized_correct = _correct_in_onnx_runtime(quantized, heldout, limit)
    data = open_dataset(heldout, inputs=graph_specs(graph), limit=limit)
    with clock.stage("simulate, compiled"):
        fast = simulate_dataset(graph, data, Engines(EngineName.COMPILED), threads=threads)
    with clock.stage("simulate, vectorized"):
        whole = simulate_dataset(graph, data, Engines(EngineName.VECTORIZED), threads=threads)
    with clock.stage("compare vectorized with reference"):
        pair = Engines(EngineName.VECTORIZED, EngineName.REFERENCE)
        held = simulate_dataset(graph, data, pair, threads=threads, progress=progress)
    # The reference is slow and its equal is at hand: what equals that equals the reference.
    with clock.stage("compare compiled with vectorized"):
        pair = Engines(EngineName.COMPILED, EngineName.VECTORIZED)
        same = simulate_dataset(graph, data, pair, threads=threads, progress=progress)
    return DemoReport(
        images=len(data),
        float_correct=float_correct,
        quantized_correct=quantized_correct,
        integer_correct=fast.correct or 0,
        profile=graph.profile,
        comparison=held.comparison or Comparison(),
        compiled_comparison=same.comparison or Comparison(),
        compiled=compiled,
        compiled_rate=_rate(fast),
        vectorized_rate=_rate(whole),
        accumulators=accumulators,
        float_bytes=model.stat().st_size,
        quantized_bytes=quantized.stat().st_size,
        integer_bytes=constant_bytes(graph),
        intaglio_bytes=lowered.stat().st_size,
        stages=tuple(clock.stages),
        folder=output,
    )


def _rate(result: SimulationResult) -> float:
    return result.samples / result.seconds


def constant_bytes(graph: Graph) -> int:
    """The graph's constants, each packed at its true width, in whole bytes."""
    bits = (each.type.integer.bits * each.type.size for each in graph.constants)
    return sum(-(-each // 8) for each in bits)


def _correct_in_onnx_runtime(path: Path, data: Path, limit: int | None) -> int:
    model = load_model(path)
    session = Session(model)
    correct = 0
    dataset = open_dataset(data, inputs=input_specs(model), limit=limit)
    for batch in dataset.batches(FLOAT_BATCH):
        if batch.labels is None:
            raise InvalidFile(data, "it has no labels", "store them as an array labels")
        outputs = session.run(batch.inputs)
        correct += count_correct(outputs[session.output_names[0]], batch.labels)
    return correct


@dataclass
class _Clock:
    """Times the stages."""

    stages: list[Stage] = field(default_factory=list[Stage])

    @contextmanager
    def stage(self, name: str) -> Generator[None, None, None]:
        """Time the block."""
        started = time.perf_counter()
        yield
        self.stages.append(Stage(name, time.perf_counter() - started))
