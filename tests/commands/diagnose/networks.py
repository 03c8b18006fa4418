# SPDX-License-Identifier: Apache-2.0
"""Small networks to diagnose, as float models and quantized."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.commands.diagnose.diagnosing import Subject
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from tests.compiler.real.building import Array, parse, random

PER_TENSOR = QuantizationOptions(per_channel=False)

CHAIN = """(float[N, 4, 6, 6] x) => (float[N, 5, 6, 6] y) {
    a = Conv (x, W1, b1)
    b = Relu (a)
    c = Conv <group = 8, pads = [1, 1, 1, 1]> (b, W2, b2)
    d = Relu (c)
    y = Conv (d, W3, b3)
}"""
"""Pointwise, depthwise, pointwise."""


def chain_constants() -> dict[str, Array]:
    """Weights of about the same size everywhere."""
    return {
        "W1": random(1, 8, 4, 1, 1),
        "b1": random(2, 8),
        "W2": random(3, 8, 1, 3, 3),
        "b2": random(4, 8),
        "W3": random(5, 5, 8, 1, 1),
        "b3": random(6, 5),
    }


def spoiled_constants() -> dict[str, Array]:
    """The same function; one channel of the second layer is a thousand times as wide."""
    constants = chain_constants()
    for name, factor in (("W2", 1000.0), ("b2", 1000.0)):
        constants[name] = constants[name].copy()
        constants[name][3] *= factor
    constants["W3"] = constants["W3"].copy()
    constants["W3"][:, 3] /= 1000.0
    return constants


def batches(count: int = 4, first: int = 0) -> list[dict[str, Array]]:
    """Normal numbers for the chain, one sample a batch."""
    return [{"x": random(100 + first + index, 1, 4, 6, 6)} for index in range(count)]


@dataclass(frozen=True)
class Case:
    """A network and its quantized form."""

    model: ir.Model
    subject: Subject


def case(
    constants: dict[str, Array],
    options: QuantizationOptions = PER_TENSOR,
    text: str = CHAIN,
    calibration: list[dict[str, Array]] | None = None,
) -> Case:
    """Quantize by min-max."""
    model = parse(text, **constants)
    result = quantize_minmax(model, calibration or batches(8), options)
    subject = Subject("small", normalize(model), result.normalized, result.model)
    return Case(model, subject)


def sqnr(expected: list[Array], found: list[Array]) -> float:
    """By the definition, in one line of NumPy."""
    x, y = (
        np.concatenate([a.ravel() for a in arrays]).astype(float) for arrays in (expected, found)
    )
    return float(10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2)))
