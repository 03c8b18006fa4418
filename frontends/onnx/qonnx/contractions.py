# SPDX-License-Identifier: Apache-2.0
"""Conv, ConvTranspose, Gemm and MatMul of codes: accumulators; a bias is a step behind them."""

from collections.abc import Callable
from dataclasses import replace

from intaglio.frontends.onnx import contractions as base
from intaglio.frontends.onnx import transposed_convolution
from intaglio.frontends.onnx.meanings import Computed, Moved, Real
from intaglio.frontends.onnx.qonnx.elementwise import after, constant_array
from intaglio.frontends.onnx.qonnx.grids import with_codes
from intaglio.frontends.onnx.qonnx.stepping import apply
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float_steps import StepFunction


def conv(site: Site) -> Real:
    """Conv; its bias is added to each channel."""
    return _planes(site, base.CONV)


def conv_transpose(site: Site) -> Real:
    """ConvTranspose; its bias is added to each channel."""
    return _planes(site, transposed_convolution.CONV_TRANSPOSE)


def _planes(site: Site, read: Callable[[Site], Real]) -> Real:
    found = read(with_codes(_without_bias(site), 0))
    if not site.has(2):
        return found
    tall = (-1,) + (1,) * (len(found.shape) - 2)
    return _biased(site, found, tall)


def gemm(site: Site) -> Real:
    """Gemm with alpha 1; beta is 1, or 0 for no bias."""
    found = base.GEMM(with_codes(_without_bias(site), 0, 1))
    if not site.has(2) or site.number("beta", 1.0) == 0.0:
        return found
    return _biased(site, found, None)


def matmul(site: Site) -> Real:
    """MatMul."""
    return base.MATMUL(with_codes(site, 0, 1))


def _without_bias(site: Site) -> Site:
    return replace(site, operands=site.operands[:2])


def _as_products(value: Real) -> Real:
    """The result without its bias, named so that it isn't taken for the node's result."""
    match value:
        case Computed():
            return replace(value, source=f"{value.source}.products")
        case Moved():
            return replace(value, parts=tuple(_as_products(part) for part in value.parts))
        case _:
            return value


def _biased(site: Site, found: Real, shape: tuple[int, ...] | None) -> Real:
    array = constant_array(site.operand(2))
    if array is None:
        raise Refusal("its bias is computed; a constant is expected")
    found = _as_products(found)
    given = array if shape is None else array.reshape(shape)
    return after(site, found, apply(StepFunction.ADD, given, found.shape, "its bias"))
