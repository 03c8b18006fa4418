# SPDX-License-Identifier: Apache-2.0
"""Make inputs whose layers look as the network says that real ones would."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import assert_never

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray

from intaglio.compiler.real.outcome import Note
from intaglio.compiler.synthesis.class_scores import ClassScores, find_class_scores
from intaglio.compiler.synthesis.coordinates import Coordinates
from intaglio.compiler.synthesis.distances import TensorTarget
from intaglio.compiler.synthesis.generate import Part, generate
from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.compiler.synthesis.input_description import InputDescription
from intaglio.compiler.synthesis.losses import Losses
from intaglio.compiler.synthesis.noise import noise
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.sizes import samples_at_once
from intaglio.compiler.synthesis.slack import with_slack
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.compiler.synthesis.targets.batch_norm_targets import batch_norm_targets
from intaglio.compiler.synthesis.targets.moment_targets import moment_targets
from intaglio.compiler.synthesis.targets.target_set import TargetSet, require_layers
from intaglio.compiler.synthesis.targets.weight_sum_targets import weight_sum_targets
from intaglio.errors import InvalidData

Progress = Callable[[str, int, int | None], None]
Described = Mapping[str, InputDescription]
Images = NDArray[np.float32]

_SCORES = "a score for each class, in a row for each sample"
MOMENT_SAMPLES = 32  # random images; twice as many move stds by a few percent


def synthesize(
    model: ir.Model, options: SynthesisOptions, inputs: Described, progress: Progress
) -> SyntheticSet:
    """Make inputs by gradient descent through the network.

    Equal options give equal samples, bit for bit, on one machine with one PyTorch: every random
    number is drawn from the seed, on the CPU. The number of threads changes nothing in
    convolutions, statistics and correlations (measured with 1 to 4 threads on PyTorch 2.13; it
    rests on how its kernels divide work), but may in large matrix products, whose sums are split
    from three threads on. Another machine or PyTorch, or a GPU, adds in another order too. Descent
    makes more of such a last bit with every step: the samples are as good, but others.

    The loss is as ``Losses`` says; where several batches of samples are made, the noted loss is
    their mean.

    Args:
        model: prepared (``prepare``): BatchNormalizations still stand on it. It stays as it is.
        options: how.
        inputs: what is known of each input.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        InvalidData: nothing in the network says what its layers should look like, classes alone
            are asked for where there are none, or the loss diverges.
        UnsupportedModel: parts of the network have no gradient, or layers no target.
    """
    found = find_targets(model, options, inputs)
    module = GraphModule(model)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    module.to(device)
    like = torch.zeros((), device=device)
    targets = found.targets
    at_once = samples_at_once(model, options.synthetic_samples)
    if options.distance == "slack":
        drawn = noise(inputs, at_once, options.seed, "normal")
        gaussian = {name: torch.as_tensor(array).to(like) for name, array in drawn.items()}
        targets = with_slack(module, targets, gaussian, options.slack_quantile)
    scores = _scores_of_samples(model, module, inputs, options)
    if options.synthesis == "classes" and scores is None:
        raise InvalidData(
            model.graph.name or "the model",
            f"no output with {_SCORES}",
            "scores, which synthesis=classes asks for and nothing else",
            "choose another, as --set synthesis=moments",
        )
    losses = Losses(
        options,
        {name: Coordinates.of(described, like) for name, described in inputs.items()},
        tuple(TensorTarget.of(target, like) for target in targets),
        scores,
    )
    parts = list(_parts(module, losses, inputs, at_once, progress))
    notes = (*found.notes, *_class_note(options, scores))
    return _joined(parts, options, len(targets), notes)


def find_targets(model: ir.Model, options: SynthesisOptions, inputs: Described) -> TargetSet:
    """What layers should look like, as the options choose.

    Raises:
        InvalidData: nothing in the network says so.
        UnsupportedModel: layers of which nothing is known.
    """
    distributions = {name: described.distribution for name, described in inputs.items()}
    match options.synthesis:
        case "batch-norm":
            return batch_norm_targets(model)
        case "weight-sums":
            return weight_sum_targets(model, options.fill, distributions)
        case "moments":
            return moment_targets(model, distributions, _leaves(model, inputs, options.seed))
        case "classes" | "noise" | "none":
            require_layers(model)
            return TargetSet(())
        case _:
            assert_never(options.synthesis)


def _scores_of_samples(
    model: ir.Model, module: GraphModule, inputs: Described, options: SynthesisOptions
) -> ClassScores | None:
    """Where classes are asked for: the scores, if each sample has one row of them.

    What folds positions or time into the batch has rows for each of those.
    """
    scores = find_class_scores(model) if options.class_weight else None
    if scores is None:
        return None
    count = samples_at_once(model, 1)
    device = next(module.buffers()).device
    feeds = {
        name: torch.as_tensor(array, device=device)
        for name, array in noise(inputs, count, options.seed, "uniform").items()
    }
    with torch.no_grad():
        rows = len(module(feeds, [scores.value])[scores.value])
    return scores if rows == count else None


def _leaves(model: ir.Model, inputs: Described, seed: int) -> Iterator[Mapping[str, Images]]:
    """Random images on which moments are taken, as many at once as fit."""
    at_once = samples_at_once(model, MOMENT_SAMPLES)
    for first in range(0, MOMENT_SAMPLES, at_once):
        yield noise(inputs, at_once, seed + first, "leaves")


def _parts(
    module: GraphModule, losses: Losses, inputs: Described, at_once: int, progress: Progress
) -> Iterator[Part]:
    """The samples, so many at once; in the end more than asked for if the model fixes its batch."""
    options = losses.options
    firsts = range(0, options.synthetic_samples, at_once)
    count = len(firsts) * at_once
    start = noise(inputs, count, options.seed, options.start)
    labels = _labels(losses.scores, count, options.seed)
    total = len(firsts) * options.iterations
    for number, first in enumerate(firsts):
        span = slice(first, first + at_once)
        own = {name: array[span] for name, array in start.items()}

        def report(iteration: int, loss: float, before: int = number * options.iterations) -> None:
            progress(f"synthesis, loss {loss:.3g}", before + iteration, total)

        yield generate(module, losses, own, labels[span], first, report)


def _labels(scores: ClassScores | None, count: int, seed: int) -> NDArray[np.int64]:
    """A class for each sample at random, none a second time before all have been chosen."""
    generator = np.random.default_rng([seed, 1])
    classes = 1 if scores is None else scores.classes
    rounds = [generator.permutation(classes) for _ in range(-(-count // classes))]
    return np.concatenate(rounds)[:count].astype(np.int64)


def _joined(
    parts: Sequence[Part], options: SynthesisOptions, layers: int, notes: tuple[Note, ...]
) -> SyntheticSet:
    wanted = options.synthetic_samples
    inputs = {
        name: np.concatenate([part.inputs[name] for part in parts])[:wanted]
        for name in parts[0].inputs
    }
    losses = {
        name: tuple(np.mean([part.losses[name] for part in parts], axis=0).tolist())
        for name in parts[0].losses
    }
    matched = f"{layers} layers by {options.distance}" if layers else "no layers"
    summary = f"{options.synthesis}, {matched}, {options.iterations} iterations"
    return SyntheticSet(inputs, losses, summary, notes)


def _class_note(options: SynthesisOptions, scores: ClassScores | None) -> tuple[Note, ...]:
    if scores is not None or not options.class_weight:
        return ()
    return (Note("classes", f"no output has {_SCORES}; class_weight does nothing", {}),)
