# SPDX-License-Identifier: Apache-2.0
"""What each part of the ways to make data brings: for ``benchmarks.zero_shot --ablation``."""

from collections.abc import Iterator, Mapping
from typing import get_args, get_type_hints

from benchmarks.data_free_cases import RESNET20, RESNET32, SQUEEZENET
from benchmarks.networks import Network
from benchmarks.zero_shot_cases import RANGES_ONLY, Case, Settings
from intaglio.compiler.synthesis.options import SynthesisOptions

# The weights of Qin et al.'s code; what stands in the recipe is the recipe's business.
_PARTS: Mapping[str, Settings] = {
    "slack": {"distance": "slack"},
    "layerwise": {"weighting": "layerwise"},
    "correlation": {"correlation_weight": 1.0},
    "classes": {"class_weight": 2.0},
    "image priors": {"variation_weight": 0.01, "l2_weight": 0.01},
}
_DEFAULTS = SynthesisOptions()

# Sharma et al.'s, as far as it is known.
_PAPER: Settings = {
    "synthesis": "weight-sums",
    "distance": "z-score",
    "fill": "paper",
    "start": "normal",
    "class_weight": 0.0,
}
_HINTS = get_type_hints(SynthesisOptions)
_VARIED: Mapping[str, tuple[str, ...]] = {
    "fill": get_args(_HINTS["fill"]),
    "distance": ("l2", "z-score", "relative"),
    "synthesis": ("weight-sums", "moments", "classes"),
    "start": ("normal", "natural", "leaves"),
}


def ablations() -> tuple[Case, ...]:
    """DSG with and without each of its parts; GZSQ with one choice changed at a time."""
    return (
        *(case for network in (RESNET20, RESNET32) for case in _dsg(network)),
        *_gzsq(RESNET20, "w4a4", RANGES_ONLY, folded=True),
        *_gzsq(SQUEEZENET, "w8a8", {}, folded=False),
    )


def _dsg(network: Network) -> Iterator[Case]:
    everything = {name: value for part in _PARTS.values() for name, value in part.items()}
    nothing = {name: getattr(_DEFAULTS, name) for name in everything}
    variants: dict[str, Settings] = {"none": nothing}
    variants |= {f"{name} alone": {**nothing, **part} for name, part in _PARTS.items()}
    for name, part in _PARTS.items():
        off = {setting: nothing[setting] for setting in part}
        variants[f"all without {name}"] = {**everything, **off}
    variants["all"] = everything
    for name, changes in variants.items():
        settings = {**RANGES_ONLY, **changes}
        yield Case(network, f"w4a4 ranges, dsg: {name}", "dsg", "w4a4", settings)
    for recipe in ("zeroq", "dsg"):
        yield Case(network, f"w4a4 ranges, recipe {recipe}", recipe, "w4a4", RANGES_ONLY)


def _gzsq(network: Network, bits: str, settings: Settings, *, folded: bool) -> Iterator[Case]:
    words = f"folded, {bits} ranges" if folded else bits
    for choice, values in _VARIED.items():
        for value in values:
            changes = {**settings, **_PAPER, choice: value}
            if value == "classes":
                changes["class_weight"] = 1.0
            name = f"{words}, gzsq: {choice}={value}"
            yield Case(network, name, "gzsq", bits, changes, folded)
    for recipe in ("gzsq", "leaves"):
        yield Case(network, f"{words}, recipe {recipe}", recipe, bits, settings, folded)
