# SPDX-License-Identifier: Apache-2.0
"""Change a quantized model's weights so that no sum can overflow a narrow accumulator; prove it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.data import Dataset
from intaglio.commands.engines import fastest_engine
from intaglio.commands.models import EXTENSION, LoweringOptions, default_profile, import_file, named
from intaglio.commands.output_files import require_writable
from intaglio.commands.parallel_runs import Engines
from intaglio.commands.simulate import SimulationResult, simulate_dataset
from intaglio.compiler.analysis.accumulator_bits import AccumulatorBits, accumulator_report
from intaglio.compiler.analysis.accumulators import accumulating_nodes
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir.file import save
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.passes.fit_accumulators import (
    ChannelMeans,
    FitMethod,
    FittedLayer,
    fit_accumulators,
)
from intaglio.compiler.pipeline import lower
from intaglio.errors import InvalidOption
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import Profile, load_profile
from intaglio.simulator import vectorized

_ATTEMPTS = 4
"""How often the operands' ranges, which depend on the weights before them, are asked again."""

OpenData = Callable[[Graph], Dataset]
"""The data set for a graph's inputs."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """A model whose sums fit.

    Attributes:
        before: the graph as given, in the profile's own accumulators.
        narrow: the same in the narrow ones, which may overflow.
        after: the repaired graph in the narrow ones.
        layers: what became of each layer's weights.
        unrepaired: sums without weights of their own that the width can't hold.
    """

    before: Graph
    narrow: Graph
    after: Graph
    layers: tuple[FittedLayer, ...]
    unrepaired: tuple[AccumulatorBits, ...]


@dataclass(frozen=True, slots=True)
class Accuracies:
    """How many samples were classified rightly, before and after.

    Attributes:
        samples: how many there were.
        before: in the profile's own accumulators.
        narrow: in the narrow ones, overflows and all.
        after: repaired, in the narrow ones.
    """

    samples: int
    before: int
    narrow: int
    after: int


def repair(
    model: Path,
    bits: int,
    options: LoweringOptions,
    method: FitMethod = FitMethod.AUTO,
    overflow: Overflow | None = None,
    calibration: OpenData | None = None,
) -> Repaired:
    """Fit the weights of a quantized model, lower it with narrow accumulators, and prove the fit.

    Args:
        model: quantized ONNX or ``.tflite``.
        bits: width of the accumulators of convolutions and fully connected layers.
        options: profile, batch, shapes.
        method: how weights are made smaller.
        overflow: what narrow accumulators do; None for what the profile says.
        calibration: samples on which biases learn to make up for the mean shift of the sums.

    Raises:
        InvalidFile: the file is no model, is lowered already, or is a float one.
        UnsupportedModel: parts of the model have no integer form, or no weights would do.
    """
    profile = load_profile(options.profile or default_profile(model))
    narrowed = with_accumulators(profile, bits, overflow)
    given = import_file(model, options)
    with named(model):
        before, narrow = lower(given, profile), lower(given, narrowed)
        reached = operand_ranges(given, before)
        means = None if calibration is None else operand_means(given, before, calibration(before))
        for _ in range(_ATTEMPTS):
            fitted, layers = fit_accumulators(given, bits, reached, method, means)
            after = lower(fitted, narrowed)
            wide = unproved(fitted, after, bits)
            if not wide.of_layers:
                return Repaired(before, narrow, after, layers, wide.others)
            found = operand_ranges(fitted, after)
            reached = {name: reached[name] | found[name] for name in reached if name in found}
        fitted, layers = fit_accumulators(given, bits, None, method, means)
        after = lower(fitted, narrowed)
        wide = unproved(fitted, after, bits)
    assert not wide.of_layers, f"no proof that {wide.of_layers[0].name} fits"
    return Repaired(before, narrow, after, layers, wide.others)


def with_accumulators(profile: Profile, bits: int, overflow: Overflow | None) -> Profile:
    """The profile with other accumulators for convolutions and matrix products."""
    rules = tuple(
        replace(
            rule,
            accumulator_bits=bits,
            overflow=rule.overflow if overflow is None else overflow,
        )
        for rule in profile.contraction
    )
    return replace(profile, contraction=rules)


def operand_ranges(scaled: Graph, fixed: Graph) -> Mapping[str, Interval]:
    """By the name of a scaled layer, the codes that its operand can hold in the fixed graph."""
    ranges = value_ranges(fixed)
    return {layer: ranges[name] for layer, name in _operands(scaled, fixed)}


def operand_means(scaled: Graph, fixed: Graph, data: Dataset) -> Mapping[str, ChannelMeans]:
    """By the name of a scaled layer, the sums of its operand's codes over a data set."""
    names = set(name for _, name in _operands(scaled, fixed))
    sums: dict[str, NDArray[np.int64]] = {}
    counts: Counter[str] = Counter()

    def observe(name: str, array: Array) -> None:
        if name in names:
            rows = array.reshape(-1, array.shape[-1])
            counts[name] += len(rows)
            sums[name] = sums.get(name, 0) + rows.sum(axis=0, dtype=np.int64)

    program = vectorized.Program(fixed)
    with vectorized.one_blas_thread():
        for batch in data.batches(batch_of(fixed), 0):
            program.run(graph_feeds(fixed, batch.inputs), observe)
    return {
        layer: ChannelMeans(tuple(sums[name].tolist()), counts[name])
        for layer, name in _operands(scaled, fixed)
        if name in sums
    }


def _operands(scaled: Graph, fixed: Graph) -> Iterator[tuple[str, str]]:
    """Scaled layers with the operand of the sum that each became."""
    layers = {node.name for node in scaled.nodes}
    for node, _ in accumulating_nodes(fixed):
        layer = node.name.removesuffix(".accumulator")
        if layer in layers:
            yield layer, node.operands[0]


@dataclass(frozen=True, slots=True)
class _Unproved:
    """Sums that may overflow: of layers with weights of their own, and others."""

    of_layers: tuple[AccumulatorBits, ...]
    others: tuple[AccumulatorBits, ...]


def unproved(scaled: Graph, fixed: Graph, bits: int) -> _Unproved:
    """The sums of a lowered graph that some input could take out of ``bits`` bits."""
    constants = {constant.name for constant in fixed.constants}
    weighted = {
        node.name
        for node, _ in accumulating_nodes(fixed)
        if len(node.operands) > 1 and node.operands[1] in constants
    }
    wide = [each for each in accumulator_report(fixed) if each.any_order_bits > bits]
    return _Unproved(
        tuple(each for each in wide if each.name in weighted),
        tuple(each for each in wide if each.name not in weighted),
    )


def repair_to_file(
    model: Path,
    output: Path,
    bits: int,
    options: LoweringOptions,
    method: FitMethod = FitMethod.AUTO,
    overflow: Overflow | None = None,
    calibration: OpenData | None = None,
) -> Repaired:
    """As ``repair``, and write ``output``, whole or not at all.

    Raises:
        InvalidOption: the output isn't named ``.intaglio``, or the model is.
        InvalidFile: a file can't be read or written.
        UnsupportedModel: as ``repair``.
    """
    if output.suffix != EXTENSION:
        raise InvalidOption(
            "--output", output, f"it doesn't end in {EXTENSION}", f"name it so: model{EXTENSION}"
        )
    if model.suffix == EXTENSION:
        raise InvalidOption(
            "MODEL",
            model,
            "it is lowered already, and its weights have lost their scales",
            "give the quantized model that it was made from",
        )
    require_writable(output)
    repaired = repair(model, bits, options, method, overflow, calibration)
    save(repaired.after, output)
    return repaired


def measure_repair(
    repaired: Repaired,
    open_data: OpenData,
    *,
    threads: int = 2,
    workers: int = 0,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Accuracies:
    """Run the three graphs over labelled data.

    Raises:
        InvalidData: the data doesn't fit, or has no labels.
    """
    counts: list[int] = []
    samples = 0
    for label, graph in _graphs(repaired):
        report = None if progress is None else partial(progress, label)
        found = _simulated(graph, open_data, threads, workers, report)
        counts.append(_correct(found))
        samples = found.samples
    return Accuracies(samples, *counts)


def accuracy(graph: Graph, open_data: OpenData, *, threads: int = 2) -> int:
    """How many samples one graph classifies rightly.

    Raises:
        InvalidOption: the data has no labels.
    """
    return _correct(_simulated(graph, open_data, threads, 0, None))


def _simulated(
    graph: Graph,
    open_data: OpenData,
    threads: int,
    workers: int,
    progress: Callable[[int, int | None], None] | None,
) -> SimulationResult:
    return simulate_dataset(
        graph,
        open_data(graph),
        Engines(fastest_engine(graph)),
        threads=threads,
        workers=workers,
        progress=progress,
    )


def _correct(found: SimulationResult) -> int:
    if found.correct is None:
        raise InvalidOption(
            "--data", "(given)", "it has no labels", "give labels, or leave --data out"
        )
    return found.correct


def _graphs(repaired: Repaired) -> Iterator[tuple[str, Graph]]:
    yield "before", repaired.before
    yield "narrow", repaired.narrow
    yield "after", repaired.after
