# SPDX-License-Identifier: Apache-2.0
"""What each part of the ways to make data brings: for ``benchmarks.zero_shot --ablation``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args, get_type_hints

from benchmarks.data_free_cases import RESNET20, RESNET32, SQUEEZENET
from benchmarks.networks import Network
from benchmarks.zero_shot_cases import RANGES_ONLY, Case, Settings
from intaglio.compiler.synthesis.options import SynthesisOptions

# As in Qin et al.'s code, but for 300 of their 500 iterations.
_PUBLISHED: Settings = {
    "statistics": "sample",
    "distance": "l2",
    "start": "normal",
    "learning_rate": 0.9,
    "iterations": 300,
    "class_weight": 0.0,
    "correlation_weight": 0.0,
}
_PARTS: Mapping[str, Settings] = {
    "slack": {"distance": "slack"},
    "layerwise": {"weighting": "layerwise"},
    "correlation": {"correlation_weight": 1.0},
    "classes, smoothness": {"class_weight": 2.0, "variation_weight": 0.01, "l2_weight": 0.01},
}
_CHANGES: Mapping[str, Settings] = {
    "without classes": {"class_weight": 0.0},
    "without correlation": {"correlation_weight": 0.0},
    "from normal numbers": {"start": "normal"},
    "each sample by itself": {"statistics": "sample"},
    "l2": {"distance": "l2", "learning_rate": 0.2, "class_weight": 2.0},
    "slack": {"distance": "slack", "learning_rate": 0.2, "class_weight": 2.0},
    "500 iterations": {"iterations": 500},
}

# Sharma et al.'s, as far as it is known.
_PAPER: Settings = {
    "synthesis": "weight-sums",
    "distance": "z-score",
    "fill": "paper",
    "start": "normal",
    "class_weight": 0.0,
    "synthetic_samples": 32,
    "iterations": 100,
    "learning_rate": 0.5,
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
        *_gzsq(RESNET20, "w4a4", RANGES_ONLY, tuple(_VARIED), folded=True),
        *_gzsq(SQUEEZENET, "w8a8", {"synthetic_samples": 16}, ("synthesis", "start"), folded=False),
    )


def _dsg(network: Network) -> Iterator[Case]:
    everything = {name: value for part in _PARTS.values() for name, value in part.items()}
    variants: dict[str, Settings] = {"published: none of it": {}}
    variants |= {f"published: {name} alone": part for name, part in _PARTS.items()}
    for name, part in _PARTS.items():
        rest = {setting: value for setting, value in everything.items() if setting not in part}
        variants[f"published: all but {name}"] = rest
    variants["published: all of it"] = everything
    for name, changes in variants.items():
        settings = {**RANGES_ONLY, **_PUBLISHED, **changes}
        yield Case(network, f"w4a4 kl ranges, {name}", "dsg", "w4a4", settings)
    yield Case(network, "w4a4 kl ranges, dsg", "dsg", "w4a4", RANGES_ONLY)
    for name, changes in _CHANGES.items():
        settings = {**RANGES_ONLY, **changes}
        yield Case(network, f"w4a4 kl ranges, dsg: {name}", "dsg", "w4a4", settings)
    yield Case(network, "w4a4 kl ranges, recipe zeroq", "zeroq", "w4a4", RANGES_ONLY)


def _gzsq(
    network: Network, bits: str, settings: Settings, varied: Sequence[str], *, folded: bool
) -> Iterator[Case]:
    words = f"folded, {bits} kl ranges" if folded else bits
    for choice in varied:
        for value in _VARIED[choice]:
            changes = {**_PAPER, **settings, choice: value}
            if value == "classes":
                changes["class_weight"] = 1.0
            name = f"{words}, gzsq: {choice}={value}"
            yield Case(network, name, "gzsq", bits, changes, folded)
    for recipe in ("gzsq", "leaves"):
        yield Case(network, f"{words}, recipe {recipe}", recipe, bits, settings, folded)
