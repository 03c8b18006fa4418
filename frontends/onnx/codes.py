# SPDX-License-Identifier: Apache-2.0
"""Codes as one node reads them: with the scale and the zero point that this node states."""

from dataclasses import replace

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.onnx.meanings import Quantized, Real, Static, as_real
from intaglio.frontends.onnx.parameters import storage_type, true_type, within
from intaglio.frontends.onnx.site import Site
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

PLAIN = Quantization((Float32.from_value(1.0),))
"""Codes that stand for themselves, where no node says what they mean."""


def stored_codes(value: Static) -> tuple[IntType, Array]:
    """The codes of an array of the file, and their type.

    Raises:
        Refusal: it holds no codes, or codes beyond the width that it is marked with.
    """
    element = true_type(storage_type(value.element), value.width)
    return element, within(value.array, element)


def as_read(site: Site, value: Real, parameters: Quantization) -> Quantized:
    """Computed codes as real numbers with the one scale and zero point of ``parameters``."""
    if not isinstance(value, Quantized):
        raise AssertionError("codes are cut and rearranged at once")
    if value.type.scaled == parameters:
        return as_real(value)
    own = replace(value, source=site.source)
    return as_real(site.emitter.reinterpreted(own, parameters, site.name))
