# SPDX-License-Identifier: Apache-2.0
"""One reader for all operators on codes: what they mean on real numbers, between codes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import onnx_ir as ir

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.constraints import Constraint
from intaglio.frontends.onnx.codes import PLAIN, as_read, stored_codes
from intaglio.frontends.onnx.meanings import (
    Meaning,
    Quantized,
    QuantizedConstant,
    Real,
    Static,
    Unknown,
)
from intaglio.frontends.onnx.parameters import quantization, storage_type
from intaglio.frontends.onnx.qoperator.places import Place, operands_of
from intaglio.frontends.onnx.quantizing import Target, quantize
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import Reader
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

Codes = Quantized | QuantizedConstant

_INT32 = IntType(32, signed=True)


@dataclass(frozen=True, slots=True)
class OperatorOnCodes:
    """An operator that takes and gives codes.

    Attributes:
        meaning: reads the real result, given a site whose operands are the codes dequantized, then
            the bias if there is one.
        constraints: what is expected of a node, besides what ``meaning`` expects.
        result: where scale and zero point of the result are; None where it is int32 sums.
        bias: where an int32 bias in the scale of the products is.
        weight_axis: the axis of the second operand that its scales may go along.
    """

    meaning: Reader[Site, Real]
    constraints: tuple[Constraint[Site], ...]
    result: Place | None
    bias: int | None = None
    weight_axis: Callable[[Site], int] = lambda site: 0

    @property
    def reader(self) -> Reader[Site, Meaning]:
        """How a node is read."""
        return Reader(self.read, self.meaning.becomes, self.constraints)

    def read(self, site: Site) -> Meaning:
        """The codes that a node computes.

        Raises:
            Refusal: the node isn't as expected.
        """
        operands: list[Codes] = []
        places = operands_of(site.node)
        if not places:
            raise Refusal("has no operand of codes")
        for place in places:
            operands.append(_operand(site, place, self.weight_axis(site)))
        target = self._target(site)
        if self.bias is not None and site.has(self.bias):
            operands.append(_bias(site, self.bias, operands[0], operands[1]))
        real = self.meaning(replace(site, operands=tuple(operands)))
        name = quantize(site.emitter, real, target, site.source)
        return Quantized(name, site.emitter.builder.type_of(name), site.source, real=False)

    def _target(self, site: Site) -> Target:
        if self.result is None:
            return Target(_INT32, _INT32, PLAIN, site.name)
        storage = _result_type(site, self.result)
        parameters = _parameters(site, self.result, storage, (), 0)
        return Target(storage, storage, parameters, site.name)


def _operand(site: Site, place: Place, weight_axis: int) -> Codes:
    """The codes at ``place``, as real numbers.

    Raises:
        Refusal: they aren't codes, or scale or zero point aren't as expected.
    """
    assert place.codes is not None
    found = site.operand(place.codes)
    match found:
        case Static():
            element, codes = stored_codes(found)
            parameters = _parameters(site, place, element, found.shape, weight_axis)
            return QuantizedConstant(found.name, codes, element, parameters, real=True)
        case QuantizedConstant(real=False):
            parameters = _parameters(site, place, found.element, found.shape, weight_axis)
            return replace(found, quantization=parameters, real=True)
        case Quantized(real=False):
            element = found.type.integer
            parameters = _parameters(site, place, element, found.shape, weight_axis)
            if not parameters.per_tensor:
                raise Refusal(f"has several scales for {found.source}, which is no constant")
            return as_read(site, found, parameters)
        case Unknown():
            raise AssertionError("a node is not read when an operand was refused")
        case _:
            raise Refusal(
                f"its operand {place.codes + 1} holds real numbers; codes are expected, "
                "so put a QuantizeLinear between"
            )


def _parameters(
    site: Site, place: Place, element: IntType, shape: tuple[int, ...], axis: int
) -> Quantization:
    zero_point = site.static(place.zero_point) if site.has(place.zero_point) else None
    if place.scale is None:
        count = () if zero_point is None else zero_point.shape
        scale: Array = np.ones(count, np.float32)
    else:
        scale = site.static(place.scale)
    if scale.dtype == np.float16:  # every float16 is a float32
        scale = scale.astype(np.float32)
    if not place.weights and scale.size > 1:
        raise Refusal(f"states {scale.size} scales for one activation; one is expected")
    return quantization(scale, zero_point, axis, shape, element)


def _result_type(site: Site, place: Place) -> IntType:
    """The type of the result's zero point; without one, that of the first operand."""
    if site.has(place.zero_point):
        found = site.operand(place.zero_point)
        if not isinstance(found, Static):
            raise Refusal(f"its operand {place.zero_point + 1} is computed; a constant is expected")
        return storage_type(found.element)
    first = operands_of(site.node)[0].codes
    assert first is not None
    return element_of(site, first) or IntType(8, signed=False)


def element_of(site: Site, index: int) -> IntType | None:
    """The type of an operand of codes, None where it holds something else."""
    match site.operand(index):
        case Static(element=element):
            return storage_type(element)
        case Quantized(type=type):
            return type.integer
        case QuantizedConstant(element=element):
            return element
        case _:
            return None


def _bias(site: Site, index: int, x: Codes, weights: Codes) -> QuantizedConstant:
    """An int32 bias: its scales are the products of those of data and weights."""
    found = site.operand(index)
    if not isinstance(found, Static) or found.element != ir.DataType.INT32:
        raise Refusal(f"its operand {index + 1} is no constant int32 bias")
    scales = tuple(
        Float32.from_fraction(a.fraction * b.fraction)
        for a, b in product(x.type.scaled.scales, weights.type.scaled.scales)
    )
    axis = found.array.ndim - 1 if len(scales) > 1 else None
    parameters = Quantization(scales, (0,), axis)
    return QuantizedConstant(found.name, found.array, _INT32, parameters, real=True)
