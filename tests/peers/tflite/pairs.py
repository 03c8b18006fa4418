# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB, MUL, MINIMUM, MAXIMUM and SQUARED_DIFFERENCE over every pair of 8-bit codes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from intaglio.compiler.ir import scaled
from tests.peers.tflite.activations import ACTIVATIONS
from tests.peers.tflite.draw import Draw
from tests.peers.tflite.single_op import Case, Operator, Tensor, case


def sums(draw: Draw) -> Iterator[Case]:
    """ADD."""
    for activation, (a, b) in zip(ACTIVATIONS, _operands(draw, len(ACTIVATIONS)), strict=True):
        result = draw.result(a.codes.shape, 0.8 * max(a.scales[0], b.scales[0]), activation)
        options = {"fusedActivationFunction": activation.number, "potScaleInt16": False}
        yield case(
            activation.name,
            scaled.Add(activation.clip),
            (a, b),
            result,
            Operator("ADD", (a, b), result, "AddOptions", options),
        )


def differences(draw: Draw) -> Iterator[Case]:
    """SUB."""
    for activation, (a, b) in zip(ACTIVATIONS, _operands(draw, len(ACTIVATIONS)), strict=True):
        result = draw.result(a.codes.shape, 0.8 * max(a.scales[0], b.scales[0]), activation)
        options = {"fusedActivationFunction": activation.number, "potScaleInt16": False}
        yield case(
            activation.name,
            scaled.Subtract(activation.clip),
            (a, b),
            result,
            Operator("SUB", (a, b), result, "SubOptions", options),
        )


def products(draw: Draw) -> Iterator[Case]:
    """MUL."""
    left, right = draw.every_pair()
    for activation in ACTIVATIONS:
        a, b = draw.activation(left), draw.factor(right)
        info = np.iinfo(draw.dtype)
        coarseness = 1.2 if draw.coarse else (info.max - info.min) / 5
        wanted = a.scales[0] * b.scales[0] * coarseness
        result = draw.result(a.codes.shape, wanted, activation)
        options = {"fusedActivationFunction": activation.number}
        yield case(
            activation.name,
            scaled.Multiply(activation.clip),
            (a, b),
            result,
            Operator("MUL", (a, b), result, "MulOptions", options),
        )


def extremes(draw: Draw) -> Iterator[Case]:
    """MINIMUM and MAXIMUM, whose operands and result share scale and zero point."""
    for name, op in (("MINIMUM", scaled.Minimum()), ("MAXIMUM", scaled.Maximum())):
        ((a, b),) = _operands(draw, 1)
        b = replace(b, scales=a.scales, zero_points=a.zero_points)
        operator = Operator(name, (a, b), a, "MaximumMinimumOptions")
        yield case(name, op, (a, b), a, operator)


def squared_differences(draw: Draw) -> Iterator[Case]:
    """SQUARED_DIFFERENCE; the result's unit is well above that of a square."""
    for repeat, (a, b) in enumerate(_operands(draw, draw.repeats)):
        larger = max(a.scales[0], b.scales[0])
        codes = np.iinfo(draw.dtype).max
        result = draw.result(a.codes.shape, larger * larger * codes * (0.5 + repeat % 3))
        operator = Operator("SQUARED_DIFFERENCE", (a, b), result, "SquaredDifferenceOptions")
        yield case(f"{repeat}", scaled.SquaredDifference(), (a, b), result, operator)


def _operands(draw: Draw, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    left, right = draw.every_pair()
    for _ in range(count):
        yield draw.activation(left), draw.activation(right)
