# SPDX-License-Identifier: Apache-2.0
"""Hold a quantized network against the float one: each layer alone, and all together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import onnx_ir as ir

from intaglio.commands.diagnose.alone import (
    Alone,
    Experiment,
    activation_in_codes,
    float_node,
    run_alone,
    weights_in_codes,
)
from intaglio.commands.diagnose.fidelity import Fidelity, fidelity
from intaglio.commands.diagnose.integer_twin import IntegerTwin
from intaglio.commands.diagnose.quantized_network import (
    Activation,
    Layer,
    QuantizedNetwork,
    read_quantized,
)
from intaglio.commands.diagnose.report import ActivationReport, Diagnosis, WeightReport
from intaglio.commands.diagnose.together import Together
from intaglio.commands.diagnose.watch import Watch
from intaglio.commands.diagnose.weights import (
    LayerRanges,
    Reals,
    WeightUse,
    channel_maxima,
    weight_ranges,
    weight_use,
)
from intaglio.compiler.real.editing import all_values, float_constant
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.numerics.profile import Profile

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """A network before and after.

    Attributes:
        name: what to call it.
        original: the float network as it was given, normalized.
        rewritten: the float network whose values the codes stand for; None if it isn't known.
        quantized: the QDQ model.
        remarks: what can't be told of them, and why.
        made: the samples that the recipe made, by input, where it makes any.
    """

    name: str
    original: ir.Model
    rewritten: ir.Model | None
    quantized: ir.Model
    remarks: tuple[str, ...] = ()
    made: Mapping[str, Array] | None = None


def diagnose(
    subject: Subject,
    batches: Sequence[Feeds],
    profile: Profile,
    *,
    noise: bool = False,
    synthetic: bool = False,
    alone: bool = True,
    progress: Progress | None = None,
) -> Diagnosis:
    """Measure everything that a diagnosis says.

    Args:
        subject: the networks.
        batches: what they are fed, all of one batch size.
        profile: the arithmetic of the integer simulator.
        noise: whether the batches are random.
        synthetic: whether the recipe made them.
        alone: whether to quantize each layer alone, which runs the float network once for each.
        progress: called with runs done and their total.

    Raises:
        InvalidData: the batches don't fit the network.
        UnsupportedModel: the quantized network has no integer form in the profile.
    """
    network = read_quantized(subject.quantized)
    batch = len(next(iter(batches[0].values())))
    twin = IntegerTwin(network, subject.name, batch, profile)
    together = Together(subject.original, subject.rewritten, network, twin)
    reference = subject.rewritten
    layers = [layer for layer in network.layers if _has(reference, layer)]
    activations = [one for one in network.activations if _shows(reference, one)]
    runs = _Runs(len(batches) * (1 + (len(layers) + len(activations) if alone else 0)), progress)
    for feeds in batches:
        together.run(feeds)
        runs.add(1)
    by_layer: dict[str, Alone] = {}
    by_activation: dict[str, Alone] = {}

    def measured(experiment: Experiment) -> Alone:
        found = run_alone(experiment, batches, together.expected)
        runs.add(len(batches))
        return found

    if reference is not None and alone:
        for layer in layers:
            by_layer[layer.output] = measured(weights_in_codes(reference, layer))
        for one in activations:
            by_activation[one.name] = measured(activation_in_codes(reference, one))
    return Diagnosis(
        model=subject.name,
        profile=profile.name,
        samples=len(batches) * batch,
        noise=noise,
        synthetic=synthetic,
        output=together.output(),
        weights=_weight_reports(reference, network, by_layer, together.watches),
        activations=_activation_reports(network, by_activation, together.watches),
        ranges=_ranges(subject, network),
        remarks=subject.remarks,
    )


@dataclass(slots=True)
class _Runs:
    """How many runs are done."""

    total: int
    progress: Progress | None
    done: int = 0

    def add(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)


def _has(reference: ir.Model | None, layer: Layer) -> bool:
    return reference is not None and float_node(reference, layer) is not None


def _shows(reference: ir.Model | None, activation: Activation) -> bool:
    if reference is None:
        return False
    return any(value.name == activation.name for value in all_values(reference.graph))


def _weight_reports(
    reference: ir.Model | None,
    network: QuantizedNetwork,
    alone: Mapping[str, Alone],
    watches: Mapping[str, Watch],
) -> tuple[WeightReport, ...]:
    reports: list[WeightReport] = []
    for layer in network.layers:
        weights = layer.operands[0]
        watch = watches.get(layer.result or "")
        reports.append(
            WeightReport(
                node=layer.node,
                output=layer.output,
                op=layer.op,
                bits=weights.parameters.encoding.bits,
                use=weight_use(weights),
                weights=_weight_fidelity(reference, layer),
                alone=alone.get(layer.output),
                together=_seen(watch),
            )
        )
    return tuple(sorted(reports, key=_badness))


def _weight_fidelity(reference: ir.Model | None, layer: Layer) -> Fidelity | None:
    node = None if reference is None else float_node(reference, layer)
    weights = layer.operands[0]
    reals = None if node is None else float_constant(node.inputs[weights.index])
    return None if reals is None else fidelity(reals, weights.reals)


def _activation_reports(
    network: QuantizedNetwork, alone: Mapping[str, Alone], watches: Mapping[str, Watch]
) -> tuple[ActivationReport, ...]:
    reports = [
        ActivationReport(
            name=one.name,
            op=one.op,
            bits=one.parameters.encoding.bits,
            use=watches[one.name].use(),
            alone=alone.get(one.name),
            together=_seen(watches[one.name]),
        )
        for one in network.activations
    ]
    return tuple(sorted(reports, key=_badness))


def _seen(watch: Watch | None) -> Fidelity | None:
    return watch.tally.fidelity() if watch is not None and watch.elements else None


def _badness(report: WeightReport | ActivationReport) -> tuple[float, float, float]:
    """What the layer alone does to the output; else what has happened up to it; else its codes."""
    alone = inf if report.alone is None else report.alone.output.decibels
    together = inf if report.together is None else report.together.decibels
    use = report.use
    return alone, together, use.channels_median if isinstance(use, WeightUse) else use.codes


def _ranges(subject: Subject, network: QuantizedNetwork) -> tuple[LayerRanges, ...]:
    """Before and after; what codes stand for where the rewritten weights aren't known."""
    if subject.rewritten is not None:
        return weight_ranges(subject.original, subject.rewritten)
    stored: dict[str | None, Reals] = {}
    for layer in network.layers:
        node = float_node(subject.original, layer)
        if node is not None:
            stored[node.outputs[0].name] = channel_maxima(layer.operands[0])
    return tuple(
        replace(one, after=stored.get(one.output))
        for one in weight_ranges(subject.original, subject.original)
    )
