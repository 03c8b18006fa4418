# SPDX-License-Identifier: Apache-2.0
"""How far from its target a layer is forgiven to be: DSG's slack."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from intaglio.compiler.synthesis.channel_moments import channel_moments
from intaglio.compiler.synthesis.distances import TensorTarget
from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.compiler.synthesis.layer_target import LayerTarget


def with_slack(
    module: GraphModule,
    targets: Sequence[LayerTarget],
    gaussian: Mapping[str, torch.Tensor],
    quantile: float,
) -> tuple[LayerTarget, ...]:
    """The targets, each with what Gaussian samples miss it by.

    delta = quantile over channels of |m0 - mu|, gamma = quantile of |s0 - sigma|, with m0, s0 the
    statistics of Gaussian samples. Source: DSG (Qin et al. 2023), slack distribution alignment;
    they take the quantile 0.9.

    Args:
        module: the network.
        targets: of its values.
        gaussian: inputs by name.
        quantile: 0 to 1.
    """
    with torch.no_grad():
        values = module(gaussian, [target.value for target in targets])
        return tuple(_with_slack(target, values[target.value], quantile) for target in targets)


def _with_slack(target: LayerTarget, value: torch.Tensor, quantile: float) -> LayerTarget:
    wanted = TensorTarget.of(target, value)
    mean, std = channel_moments(value, per_sample=False)
    return replace(
        target,
        slack_mean=_quantile(mean - wanted.mean, quantile),
        slack_std=_quantile(std - wanted.std, quantile),
    )


def _quantile(differences: torch.Tensor, quantile: float) -> float:
    sizes: NDArray[np.float64] = differences.abs().double().cpu().numpy()
    return float(np.quantile(sizes, quantile))
