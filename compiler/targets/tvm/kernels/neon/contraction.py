# SPDX-License-Identifier: Apache-2.0
"""Sums of products of signed bytes: codes of x as they are, or less 128 where they are unsigned."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.targets.tvm.kernels.vector.contraction import (
    Contraction,
    Int8Array,
    Int32Array,
)
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Weights:
    """A sum of products of signed bytes.

    Attributes:
        codes: output channels first, without zero points.
        bias: by output channel, with what the zero point of x adds, modulo 2**32.
        total: the interval of the sums.
    """

    codes: Int8Array
    bias: Int32Array
    total: Interval


def signed_weights(found: Contraction) -> Weights:
    """The weights and the bias for bytes of x as signed ones: codes less 128 where unsigned."""
    sums = found.weights.astype(np.int64).reshape(len(found.weights), -1).sum(axis=1)
    # A contraction adds 128 more to each code than is added here.
    bias = (found.bias.astype(np.int64) + 128 * sums).astype(np.uint64) & 0xFFFFFFFF
    return Weights(found.weights, bias.astype(np.uint32).view(np.int32), found.total)
