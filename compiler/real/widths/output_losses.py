# SPDX-License-Identifier: Apache-2.0
"""How much of a float network's outputs a quantized one loses, as one number."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from intaglio.compiler.real.onnx_runtime import Array

Outputs = Sequence[Mapping[str, Array]]
"""Outputs by name, batch by batch."""

Loss = Callable[[Outputs, Outputs], float]
"""What is lost, from the float network's outputs and the quantized one's."""


def output_noise(expected: Outputs, found: Outputs) -> float:
    """Noise over signal, all outputs together: sum of (found - expected)^2 / sum of expected^2.

    It is 10^(-SQNR / 10).
    """
    noise = signal = 0.0
    for right, other in zip(expected, found, strict=True):
        for name, array in right.items():
            reals = array.astype(np.float64)
            noise += float(np.square(other[name] - reals).sum())
            signal += float(np.square(reals).sum())
    return noise / signal if signal else noise


def class_divergence(expected: Outputs, found: Outputs) -> float:
    """The mean divergence, in nats, of the classes' probabilities from those in float.

    Sum over classes of p * ln(p / q), p and q being softmax of the first output's logits
    ``[N, classes, ...]``.
    """
    total = count = 0.0
    for right, other in zip(expected, found, strict=True):
        name = next(iter(right))
        p, q = _log_softmax(right[name]), _log_softmax(other[name])
        total += float((np.exp(p) * (p - q)).sum())
        count += p.size / p.shape[1]
    return total / count


def _log_softmax(logits: Array) -> Array:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    found: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found
