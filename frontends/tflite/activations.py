# SPDX-License-Identifier: Apache-2.0
"""Fused activations as real bounds."""

from collections.abc import Mapping

from intaglio.compiler.ir.scaled import UNBOUNDED, Clip
from intaglio.frontends.constraints import expects
from intaglio.frontends.tflite.site import Site
from intaglio.numerics.float32 import Float32


def between(low: float, high: float | None) -> Clip:
    """A low bound and, perhaps, a high one."""
    highs = () if high is None else (Float32.from_value(high),)
    return Clip((Float32.from_value(low),), highs)


RELU = between(0.0, None)
RELU6 = between(0.0, 6.0)
RELU_N1_TO_1 = between(-1.0, 1.0)
RELU_0_TO_1 = between(0.0, 1.0)

_CLIPS: Mapping[int, Clip] = {0: UNBOUNDED, 1: RELU, 2: RELU_N1_TO_1, 3: RELU6}
"""By the numbers of the schema's ActivationFunctionType."""


@expects("a fused activation among none, RELU, RELU_N1_TO_1 and RELU6")
def BOUNDED(site: Site) -> str | None:
    """The fused activation is a pair of bounds."""
    number = site.integer("FusedActivationFunction")
    return None if number in _CLIPS else f"has the fused activation {number}"


def fused(site: Site) -> Clip:
    """The bounds of the fused activation."""
    return _CLIPS[site.integer("FusedActivationFunction")]
