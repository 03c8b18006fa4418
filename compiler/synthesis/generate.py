# SPDX-License-Identifier: Apache-2.0
"""Move inputs until the network finds in them what it should."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.compiler.synthesis.image_priors import rolled
from intaglio.compiler.synthesis.losses import Losses
from intaglio.errors import InvalidData

Arrays = Mapping[str, NDArray[np.float32]]
Report = Callable[[int, float], None]
"""Called after each iteration with its number and its loss."""

_PATIENCE = 0.2  # of the iterations, before the learning rate falls
_LEAST_RATE = 1e-4
_WORST_GROWTH = 100.0
_LEAST_TRIAL = 20  # iterations, before growth counts as divergence


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Samples that are moved together, and how their loss went.

    Attributes:
        inputs: by name, ``[n, ...]``.
        losses: after each iteration, by term, with "total".
    """

    inputs: dict[str, NDArray[np.float32]]
    losses: dict[str, list[float]]


def generate(
    module: GraphModule,
    losses: Losses,
    start: Arrays,
    labels: NDArray[np.int64],
    first: int,
    report: Report,
) -> Part:
    """Minimize the loss with Adam over the inputs, which never leave their range.

    The learning rate falls tenfold where the loss doesn't for a fifth of the iterations, as
    ZeroQ's and DSG's code have it (patience 100 and 260 of 500).

    Args:
        module: the network, on the device to compute on.
        losses: what is asked.
        start: inputs to begin with.
        labels: the class of each sample.
        first: the number of the first sample, of all that are made.
        report: called after each iteration.

    Raises:
        InvalidData: the loss diverges, or is no number from the start.
    """
    options = losses.options
    z = {name: losses.coordinates[name].of_inputs(given) for name, given in start.items()}
    for each in z.values():
        each.requires_grad_()
    optimizer: Any = torch.optim.Adam(list(z.values()), lr=options.learning_rate)
    patience = max(int(_PATIENCE * options.iterations), 1)
    schedule: Any = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=patience, min_lr=_LEAST_RATE
    )
    entropy = np.random.SeedSequence([options.seed, first]).generate_state(1)
    generator = torch.Generator().manual_seed(int(entropy[0]))
    device = next(iter(z.values())).device
    classes = torch.as_tensor(labels, device=device)
    found: dict[str, list[float]] = {}
    for iteration in range(options.iterations):
        independent = _independent(losses, z, generator)
        values = module(_inputs(losses, z, generator), losses.watched)
        terms = losses.terms(z, values, classes, independent, first)
        total = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        optimizer.step()
        schedule.step(float(total.detach()))
        _keep_within(losses, z)
        for name, term in (*terms.items(), ("total", total)):
            found.setdefault(name, []).append(float(term.detach()))
        _require_convergence(found["total"], max(patience, _LEAST_TRIAL), options.learning_rate)
        report(iteration + 1, found["total"][-1])
    inputs = {name: losses.coordinates[name].samples(each) for name, each in z.items()}
    for name, array in inputs.items():
        _require_numbers(name, array, options.learning_rate)
    return Part(inputs, found)


def _independent(
    losses: Losses, z: Mapping[str, torch.Tensor], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Gaussian samples like z; none where nothing is compared with them."""
    if not losses.options.correlation_weight:
        return {}
    return {n: torch.randn(each.shape, generator=generator).to(each) for n, each in z.items()}


def _inputs(
    losses: Losses, z: Mapping[str, torch.Tensor], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """The inputs, shifted at random where smoothness is asked for, as DSG's code does."""
    moved: dict[str, torch.Tensor] = {}
    for name, each in z.items():
        coordinates = losses.coordinates[name]
        shifts = losses.options.variation_weight > 0
        seen = rolled(each, coordinates.axes, generator) if shifts else each
        moved[name] = coordinates.inputs(seen)
    return moved


def _keep_within(losses: Losses, z: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, each in z.items():
            each.copy_(losses.coordinates[name].within(each))


def _require_convergence(totals: list[float], trial: int, learning_rate: float) -> None:
    """Refuse what is no number, and what stays far above the start without falling.

    From a start that fits well, first steps go far beyond and return.
    """
    last, allowed = totals[-1], _WORST_GROWTH * max(totals[0], 1.0)
    earlier, recent = totals[-trial : -trial // 2], totals[-trial // 2 :]
    grown = len(totals) > trial and min(earlier) > allowed and min(recent) >= min(earlier)
    if np.isfinite(last) and not grown:
        return
    if len(totals) == 1:
        raise InvalidData(
            "the loss of synthetic data",
            f"{last:.4g} before anything was changed",
            "a finite number",
            "look for weights that aren't finite, or give the input's range with --input-range",
        )
    raise InvalidData(
        "the loss of synthetic data",
        f"{last:.4g} after {len(totals)} iterations, from {totals[0]:.4g}",
        "one that falls",
        _slower(learning_rate),
    )


def _require_numbers(name: str, array: NDArray[np.float32], learning_rate: float) -> None:
    if not np.isfinite(array).all():
        raise InvalidData(
            f"synthetic data for input {name}", "NaN", "numbers", _slower(learning_rate)
        )


def _slower(learning_rate: float) -> str:
    return f"give a lower learning rate, as --set learning_rate={learning_rate / 10:g}"
