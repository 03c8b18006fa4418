# SPDX-License-Identifier: Apache-2.0
"""Fused activations: TFLite's number and our bounds."""

from dataclasses import dataclass

from intaglio.compiler.ir.scaled import Clip
from intaglio.numerics.float32 import Float32


@dataclass(frozen=True, slots=True)
class Activation:
    """One member of the schema's ActivationFunctionType."""

    name: str
    number: int
    clip: Clip


def _bound(value: float) -> tuple[Float32, ...]:
    return (Float32.from_value(value),)


NONE = Activation("none", 0, Clip())
RELU = Activation("relu", 1, Clip(_bound(0.0)))
RELU_N1_TO_1 = Activation("relu_n1_to_1", 2, Clip(_bound(-1.0), _bound(1.0)))
RELU6 = Activation("relu6", 3, Clip(_bound(0.0), _bound(6.0)))

ACTIVATIONS = (NONE, RELU, RELU6)
