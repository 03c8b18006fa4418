# SPDX-License-Identifier: Apache-2.0
"""The scales of weights: what covers them all, or what loses least of each channel."""

from typing import Literal, get_args

import numpy as np

from intaglio.compiler.real.parameters import (
    Encoding,
    QuantizationParameters,
    Reals,
    parameters_for,
)

WeightRange = Literal["minmax", "mse"]
WEIGHT_RANGES: tuple[WeightRange, ...] = get_args(WeightRange)

SMALLEST_FACTOR = 0.1
STEPS = 60


def weight_parameters(
    array: Reals, axis: int | None, encoding: Encoding, rule: WeightRange = "minmax"
) -> QuantizationParameters:
    """The codes of a weight, with one scale or one for each index of ``axis``.

    - ``minmax``: each range is [min, max] with zero, so that nothing saturates.
    - ``mse``: each range is f * [min, max], the factor f being the one of 60 geometric steps from
      1 to 1/10 with the least sum of (w - Q(w))^2 over the channel; of equally good ones the
      largest. With power-of-two scales that chooses between the neighbouring powers.

    Args:
        array: the weight.
        axis: the axis that scales differ along; None for one scale.
        encoding: of weights.
        rule: how a range is chosen.

    Source: Sung, Shin and Hwang, Resiliency of Deep Neural Networks under Quantization (2015),
    section 2, for the clipping point with the least squared error.
    """
    others = tuple(i for i in range(array.ndim) if i != axis)
    lowest: Reals = np.min(array, axis=others, initial=0.0, keepdims=True).ravel()
    highest: Reals = np.max(array, axis=others, initial=0.0, keepdims=True).ravel()
    if rule == "minmax" or array.size == 0:
        return parameters_for(lowest, highest, encoding, axis)
    factors = np.geomspace(1.0, SMALLEST_FACTOR, STEPS).tolist()
    best = np.ones(lowest.shape)
    least = np.full(lowest.shape, np.inf)
    for factor in factors:
        parameters = parameters_for(factor * lowest, factor * highest, encoding, axis)
        difference = parameters.dequantize(parameters.quantize(array)) - array
        error = np.square(difference).sum(axis=others)
        best = np.where(error < least, factor, best)
        least = np.minimum(error, least)
    return parameters_for(best * lowest, best * highest, encoding, axis)
