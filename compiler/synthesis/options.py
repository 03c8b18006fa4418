# SPDX-License-Identifier: Apache-2.0
"""Everything that decides how synthetic data is made."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from intaglio.errors import InvalidOption

_Bound = tuple[Callable[[float], bool], str]
_SAMPLES: _Bound = (lambda value: 1 <= value <= 1_000_000, "choose 1 to 1,000,000")
_WHOLE: _Bound = (lambda value: value >= 0, "choose a whole number from 0 up")
_WEIGHT: _Bound = (lambda value: value >= 0 and isfinite(value), "choose 0 or more")
# Every comparison refuses NaN.
_BOUNDS: dict[str, _Bound] = {
    "synthetic_samples": _SAMPLES,
    "iterations": _WHOLE,
    "seed": _WHOLE,
    "learning_rate": (lambda value: value > 0 and isfinite(value), "choose a number above 0"),
    "slack_quantile": (lambda value: 0 <= value <= 1, "choose 0 to 1"),
    "input_weight": _WEIGHT,
    "class_weight": _WEIGHT,
    "variation_weight": _WEIGHT,
    "l2_weight": _WEIGHT,
    "correlation_weight": _WEIGHT,
}


@dataclass(frozen=True, slots=True)
class SynthesisOptions:
    """How inputs are made whose layers look as the network says real ones would.

    Attributes:
        synthesis: where the mean and std of each layer's channels come from: "batch-norm" are the
            running statistics at the inputs of BatchNormalizations; "weight-sums" is GZSQ's
            estimate from the distribution of weights; "moments" takes those of inner products
            on random images ("leaves"). "classes" asks nothing of layers, only of the scores of
            classes. "noise" optimizes nothing; "none" makes no data.
        synthetic_samples: how many.
        iterations: steps of the optimizer.
        learning_rate: of Adam, on inputs of unit standard deviation.
        seed: of all randomness.
        start: what the optimizer starts from: "normal" or "uniform" numbers, each on its own, or
            "natural" ones, whose spectrum falls with frequency as that of photographs does; or
            "leaves", discs in front of each other, which have edges and surfaces too.
        statistics: of each "sample" by itself, or of a "batch" of them together, as
            BatchNormalization takes them.
        distance: between statistics: "l2"; "slack", which forgives what Gaussian samples
            differ by; "z-score", the absolute one of GZSQ; or "relative" to the spread.
        slack_quantile: of the differences of Gaussian samples over a layer's channels; for "slack".
        weighting: "uniform", or "layerwise": sample k counts layer k twice.
        fill: what GZSQ adjusts statistics with where a layer has fewer or more channels than the
            one before; for "weight-sums".
        input_weight: of the distance of the input's own statistics.
        class_weight: of the cross-entropy against a class for each sample, chosen at random.
        variation_weight: of the squared differences of neighbouring pixels.
        l2_weight: of the squared norm.
        correlation_weight: of the inhibition of correlation between samples.
    """

    synthesis: Literal["none", "noise", "classes", "batch-norm", "weight-sums", "moments"] = "none"
    synthetic_samples: int = 32
    iterations: int = 500
    learning_rate: float = 0.5
    seed: int = 0
    start: Literal["normal", "uniform", "natural", "leaves"] = "normal"
    statistics: Literal["sample", "batch"] = "sample"
    distance: Literal["l2", "slack", "z-score", "relative"] = "l2"
    slack_quantile: float = 0.9
    weighting: Literal["uniform", "layerwise"] = "uniform"
    fill: Literal["min", "mean-min", "mean", "mean+min", "max-mean", "max+mean", "max", "paper"] = (
        "paper"
    )
    input_weight: float = 1.0
    class_weight: float = 0.0
    variation_weight: float = 0.0
    l2_weight: float = 0.0
    correlation_weight: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning here, and choices that have none together."""
        for name, (allows, advice) in _BOUNDS.items():
            value = getattr(self, name)
            if not allows(value):
                raise InvalidOption(name, value, "it is out of bounds", advice)
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        if self.weighting == "layerwise" and self.statistics == "batch":
            raise InvalidOption(
                "weighting",
                "layerwise",
                "samples have no statistics of their own to weigh with statistics=batch",
                "choose statistics=sample, or weighting=uniform",
            )
        if self.synthesis == "classes" and not self.class_weight:
            raise InvalidOption(
                "class_weight",
                self.class_weight,
                "synthesis=classes asks for nothing else",
                "choose a number above 0, as 1",
            )
