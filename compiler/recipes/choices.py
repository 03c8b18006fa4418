# SPDX-License-Identifier: Apache-2.0
"""Everything that a recipe decides, and the TOML files that decide it by name."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from intaglio.compiler.real.quantization.layer_overrides import read_overrides
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.errors import InvalidOption

_PRESETS = Path(__file__).parent / "presets"
_LARGEST_FILE = 1 << 20  # bytes; a recipe has a few lines, or a few for each layer

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
            or constant lose their weights.
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
        codes: widths, signs, granularity.
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
    codes: QuantizationOptions = field(default_factory=QuantizationOptions)

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
            f"ranges={self.ranges}": self.ranges in DATA_RULES,
            "rounding=learned": self.rounding == "learned",
            f"bias_correction={self.bias_correction}": self.bias_correction in ("data", "both"),
        }
        return tuple(choice for choice, asks in asking.items() if asks)

    @property
    def equalizes(self) -> bool:
        """Whether weights are equalized across layers."""
        return self.equalization == "always" or (
            self.equalization == "per-tensor" and not self.codes.per_channel
        )

    def changed(self, settings: Mapping[str, object]) -> "Choices":
        """These choices but for ``settings``, by name; those of ``codes`` may stand among them.

        Raises:
            InvalidOption: an unknown name, or a value of the wrong kind or out of bounds.
        """
        own = {f.name: f for f in fields(Choices)}
        codes = {f.name for f in fields(QuantizationOptions)} - {"overrides"}
        changed: dict[str, Any] = {}
        coded: dict[str, Any] = {}
        for name, value in settings.items():
            if name in codes:
                coded[name] = _checked(QuantizationOptions, name, value)
            elif name in own and name != "codes":
                changed[name] = _checked(Choices, name, value)
            else:
                raise _unknown(name, [*own, *codes])
        return replace(self, **changed, codes=replace(self.codes, **coded))


def preset_names() -> tuple[str, ...]:
    """The recipes that come with Intaglio."""
    return tuple(sorted(path.stem for path in _PRESETS.glob("*.toml")))


def load_choices(name_or_path: str) -> Choices:
    """The choices of a recipe, by the name of a preset or the path of a TOML file.

    A file has any of the choices at its top level, ``[codes]`` for those of the codes, and a table
    ``[layers."NAME"]`` for each layer with codes of its own.

    Raises:
        InvalidOption: there is no such recipe, or the file is none.
    """
    names = preset_names()
    path = _PRESETS / f"{name_or_path}.toml" if name_or_path in names else Path(name_or_path)
    if path.suffix != ".toml" or not path.is_file():
        near = get_close_matches(name_or_path, names, 1)
        raise InvalidOption(
            "--recipe",
            name_or_path,
            "there is no such recipe",
            f"{near[0]} perhaps?" if near else f"choose {', '.join(names)} or give a .toml file",
        )
    return _parse(path)


def parse_setting(text: str) -> tuple[str, object]:
    """One choice from ``NAME=VALUE``.

    >>> parse_setting("dead_channels=false"), parse_setting("ranges=sigma")
    (('dead_channels', False), ('ranges', 'sigma'))

    Raises:
        InvalidOption: the text has another form.
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InvalidOption("--set", text, "it sets nothing", "write NAME=VALUE")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value


def _parse(path: Path) -> Choices:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidOption("--recipe", path, "it is too large for a recipe", "give a smaller")
        tree = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidOption(
            "--recipe", path, f"it can't be read ({error})", "give a TOML file"
        ) from error
    layers, codes = tree.pop("layers", {}), tree.pop("codes", {})
    for name, table in (("layers", layers), ("codes", codes)):
        if not isinstance(table, dict):
            raise InvalidOption("--recipe", path, f"its {name} is no table", f"write [{name}]")
    choices = Choices().changed({**tree, **cast(dict[str, object], codes)})
    overrides = read_overrides(cast(dict[str, object], layers))
    return replace(choices, codes=replace(choices.codes, overrides=overrides))


def _checked(owner: type, name: str, value: object) -> object:
    hint = get_type_hints(owner)[name]
    if get_origin(hint) is Literal:
        words = get_args(hint)
        if value in words:
            return value
        near = get_close_matches(str(value), words, 1)
        raise InvalidOption(
            name,
            value,
            "there is no such choice",
            f"{near[0]} perhaps?" if near else f"choose one of {', '.join(words)}",
        )
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise InvalidOption(name, value, "it is of another kind", f"give a {hint.__name__}")
    return value


def _unknown(name: str, known: list[str]) -> InvalidOption:
    near = get_close_matches(name, known, 1)
    advice = f"{near[0]} perhaps?" if near else f"choose one of {', '.join(known)}"
    return InvalidOption(name, "(set)", "there is no such choice", advice)
