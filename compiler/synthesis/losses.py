# SPDX-License-Identifier: Apache-2.0
"""The loss of synthetic inputs, term by term."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from intaglio.compiler.synthesis.channel_moments import channel_moments
from intaglio.compiler.synthesis.class_scores import ClassScores
from intaglio.compiler.synthesis.coordinates import Coordinates
from intaglio.compiler.synthesis.distances import TensorTarget, layer_distance
from intaglio.compiler.synthesis.image_priors import total_variation
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.sample_correlation import correlation_loss
from intaglio.compiler.synthesis.sample_weighting import weighted

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """What is asked of inputs, whatever they are.

    Attributes:
        options: the weight of each term.
        coordinates: of each input.
        targets: of layers; none where only classes count.
        scores: the value with a score for each class; None where there are no classes.
    """

    options: SynthesisOptions
    coordinates: Mapping[str, Coordinates]
    targets: Sequence[TensorTarget]
    scores: ClassScores | None

    @property
    def watched(self) -> tuple[str, ...]:
        """The values of the network that the loss is made of."""
        scores = () if self.scores is None else (self.scores.value,)
        return tuple(dict.fromkeys((*(target.value for target in self.targets), *scores)))

    def terms(
        self,
        z: Tensors,
        values: Tensors,
        labels: torch.Tensor,
        independent: Tensors,
        first: int,
    ) -> dict[str, torch.Tensor]:
        """Every term with its weight; their sum is the loss.

        Args:
            z: the inputs in their own units.
            values: of the network, those ``watched``.
            labels: the class of each sample.
            independent: Gaussian samples like z.
            first: the number of the first sample.
        """
        options, samples = self.options, len(labels)
        found: dict[str, torch.Tensor] = {}
        if self.targets:
            found["layers"] = self._layers(values, samples, first)
        if options.input_weight:
            found["input"] = options.input_weight * self._inputs(z)
        if options.class_weight and self.scores is not None:
            scores = values[self.scores.value].flatten(1)
            entropy = torch.nn.functional.cross_entropy(scores, labels)
            found["classes"] = options.class_weight * entropy
        if options.variation_weight:
            variation = [total_variation(z[n], self.coordinates[n].axes) for n in z]
            found["variation"] = options.variation_weight * torch.stack(variation).sum()
        if options.l2_weight:
            norms = [torch.square(each).mean() for each in z.values()]
            found["l2"] = options.l2_weight * torch.stack(norms).sum()
        if options.correlation_weight and samples > 1:
            alike = [correlation_loss(z[n], independent[n]) for n in z]
            weight = options.correlation_weight / max(len(self.targets), 1)
            found["correlation"] = weight * torch.stack(alike).sum()
        return found

    def _layers(self, values: Tensors, samples: int, first: int) -> torch.Tensor:
        options = self.options
        distances: list[torch.Tensor] = []
        for target in self.targets:
            mean, std = channel_moments(values[target.value], options.statistics == "sample")
            distance = layer_distance(mean, std, target, options.distance)
            distances.append(_by_sample(distance, samples))
        return weighted(torch.stack(distances), options.weighting, first).mean()

    def _inputs(self, z: Tensors) -> torch.Tensor:
        """How far channels of inputs are from mean 0 and std 1, where they have positions.

        By the same distance as layers, with no slack: GZSQ's L_Z(y, N(0, 1)), and in DSG's code.
        """
        found: list[torch.Tensor] = []
        for name, each in z.items():
            axis = self.coordinates[name].channel_axis
            if axis is None or not self.coordinates[name].axes:
                continue
            channels = each.movedim(axis, 1)
            mean, std = channel_moments(channels, self.options.statistics == "sample")
            standard = LayerTarget(name, np.zeros(mean.shape[1]), np.ones(mean.shape[1]))
            target = TensorTarget.of(standard, mean)
            found.append(layer_distance(mean, std, target, self.options.distance).mean())
        return torch.stack(found).sum() if found else next(iter(z.values())).new_zeros(())


def _by_sample(distances: torch.Tensor, samples: int) -> torch.Tensor:
    """``[samples]`` of as many distances as a value has rows.

    A sample may have several rows, as where a network folds time into the batch; rows that belong
    to no single sample count for all of them.
    """
    rows = len(distances)
    folded = rows // samples if rows % samples == 0 else rows
    return distances.reshape(-1, folded).mean(1).expand(samples)
