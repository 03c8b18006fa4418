# SPDX-License-Identifier: Apache-2.0
"""Everything that a recipe decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import Any, Literal

from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.settings import checked_value, unknown_setting
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.errors import InvalidOption

DATA_RULES = ("min-max", "moving-average", "percentile", "mse", "kl")
"""Rules for ranges that need data."""

_Bound = tuple[Callable[[float], bool], str]
_POSITIVE: _Bound = (lambda value: value > 0 and isfinite(value), "choose a number above 0")
_SHARE: _Bound = (lambda value: 0 <= value <= 1, "choose 0 to 1")
# Every comparison refuses NaN.
_BOUNDS: dict[str, _Bound] = {
    "dead_deviations": _POSITIVE,
    "equalization_exponent": _SHARE,
    "activation_share": _SHARE,
    "absorption_deviations": (lambda value: value >= 0 and isfinite(value), "choose 0 or more"),
    "range_deviations": _POSITIVE,
    "percentile": (lambda value: 50 < value <= 100, "choose one above 50, up to 100"),
    "momentum": (lambda value: 0 <= value < 1, "choose 0 or more, below 1"),
    "tolerance": (lambda value: value >= 1 and isfinite(value), "choose 1 or more"),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What is done to a float network on its way to integers, in the order it is done.

    Attributes:
        about: what the recipe is, for lists.
        clips: "keep" keeps ReLU6 and its like exact under equalization, with a bound for each
            channel; "relu" drops the bound, as DFQ's authors do: another function.
        dead_channels: whether channels that BatchNorm says are always zero, always at their bound
            or constant lose their weights. Where "samples" stand in for BatchNorm, only if weights
            have one scale a tensor: with a scale for each channel there is too little to win.
        dead_deviations: standard deviations that such a channel may spread over.
        equalization: whether weights are equalized across layers: "none", "always", or
            "per-tensor" where they have one scale a tensor. A scale a channel leaves nothing to
            win that way, and scaling costs activations.
        equalization_measure: what counts as the range of a slice of weights.
        equalization_exponent: 0.5 makes ranges on both sides equal.
        activation_share: how much the reach of activations counts beside the weights.
        balance_noise: whether equalization goes on until the predicted rounding noise is least.
        bias_absorption: which layers take over the high biases of the layers before: "none", those
            without zero padding ("unpadded"), or "all".
        absorption_deviations: standard deviations below the mean that stay.
        ranges: how ranges of activations are found: "sigma" and "weighted-mse" from kept
            statistics, the others from data.
        range_deviations: for "sigma".
        percentile: for "percentile".
        momentum: for "moving-average".
        tolerance: for "kl".
        rounding: "nearest" or "learned" on data, layer by layer.
        bias_correction: "none"; "calculated" from kept statistics; "data"; or "both", data where
            nothing can be calculated.
        bias_side: what computes the quantized network for corrections on data: "float", or
            "integers" for the bit-exact simulator.
        layer_statistics: of layers without BatchNormalization: "kept" leaves them unknown but for
            what follows from those around them; "samples" notes what samples show, for all that
            works from kept statistics.
        averaged_positions: how many positions an average over a whole map has where samples show
            ranges and layer statistics: "all"; "one" for random images, in which no one thing
            fills the map as it does in photographs; or "by-width", one where activations have 8
            bits or more, whose steps stay small in a range that is too wide.
        codes: widths, signs, granularity.
        synthetic: how data is made where none is given.
    """

    about: str = ""
    clips: Literal["keep", "relu"] = "keep"
    dead_channels: bool = False
    dead_deviations: float = 4.0
    equalization: Literal["none", "per-tensor", "always"] = "none"
    equalization_measure: Literal["max-abs", "max-min", "l2"] = "max-abs"
    equalization_exponent: float = 0.5
    activation_share: float = 0.0
    balance_noise: bool = False
    bias_absorption: Literal["none", "unpadded", "all"] = "none"
    absorption_deviations: float = 3.0
    ranges: Literal[
        "sigma", "weighted-mse", "min-max", "moving-average", "percentile", "mse", "kl"
    ] = "min-max"
    range_deviations: float = 6.0
    percentile: float = 99.99
    momentum: float = 0.9
    tolerance: float = 1.3
    rounding: Literal["nearest", "learned"] = "nearest"
    bias_correction: Literal["none", "calculated", "data", "both"] = "none"
    bias_side: Literal["float", "integers"] = "float"
    layer_statistics: Literal["kept", "samples"] = "kept"
    averaged_positions: Literal["all", "one", "by-width"] = "all"
    codes: QuantizationOptions = field(default_factory=QuantizationOptions)
    synthetic: SynthesisOptions = field(default_factory=SynthesisOptions)

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning here."""
        for name, (allows, advice) in _BOUNDS.items():
            value = getattr(self, name)
            if not allows(value):
                raise InvalidOption(name, value, "it is out of bounds", advice)

    @property
    def needs_data(self) -> tuple[str, ...]:
        """The choices that ask for calibration data, as a user writes them."""
        asking = {
            "layer_statistics=samples": self.layer_statistics == "samples",
            f"ranges={self.ranges}": self.ranges in DATA_RULES,
            "rounding=learned": self.rounding == "learned",
            f"bias_correction={self.bias_correction}": self.bias_correction in ("data", "both"),
        }
        return tuple(choice for choice, asks in asking.items() if asks)

    @property
    def synthesizes(self) -> bool:
        """Whether data is made from the network itself."""
        return self.synthetic.synthesis != "none"

    @property
    def clears_dead_channels(self) -> bool:
        """Whether channels that statistics call dead lose their weights."""
        doubted = self.layer_statistics == "samples" and self.codes.per_channel
        return self.dead_channels and not doubted

    @property
    def equalizes(self) -> bool:
        """Whether weights are equalized across layers."""
        return self.equalization == "always" or (
            self.equalization == "per-tensor" and not self.codes.per_channel
        )

    def changed(self, settings: Mapping[str, object]) -> "Choices":
        """These choices but for ``settings``, by name; ``codes`` and ``synthetic`` have names too.

        Raises:
            InvalidOption: an unknown name, or a value of the wrong kind or out of bounds.
        """
        found: dict[type, dict[str, Any]] = {owner: {} for owner in _OWNERS}
        for name, value in settings.items():
            owner = next((owner for owner, names in _OWNERS.items() if name in names), None)
            if owner is None:
                raise unknown_setting(name, [one for names in _OWNERS.values() for one in names])
            found[owner][name] = checked_value(owner, name, value)
        return replace(
            self,
            **found[Choices],
            codes=replace(self.codes, **found[QuantizationOptions]),
            synthetic=replace(self.synthetic, **found[SynthesisOptions]),
        )


# What can be set by name, and where.
_OWNERS: dict[type, tuple[str, ...]] = {
    Choices: tuple(f.name for f in fields(Choices) if f.name not in ("codes", "synthetic")),
    QuantizationOptions: tuple(
        f.name for f in fields(QuantizationOptions) if f.name != "overrides"
    ),
    SynthesisOptions: tuple(f.name for f in fields(SynthesisOptions)),
}
