# SPDX-License-Identifier: Apache-2.0
"""Constraints that several ONNX operators share.

They look and emit nothing: a node that violates one leaves no trace in the graph.
"""

from collections.abc import Sequence
from math import isfinite

import onnx_ir as ir

from intaglio.frontends.constraints import Constraint, expects
from intaglio.frontends.onnx.meanings import QuantizedConstant, Static
from intaglio.frontends.onnx.site import Site


def quantized(
    *indices: int, several_scales: bool = False, what: str = "operand"
) -> Constraint[Site]:
    """Operands stand for codes; the refusal says what to quantize.

    Args:
        indices: their positions.
        several_scales: whether a constant may have some for its channels.
        what: what to call one of them.
    """

    def violation(site: Site) -> str | None:
        for index in indices:
            site.require_quantized(index, several_scales=several_scales)
        return None

    one = len(indices) == 1
    expected = f"a quantized {what}" if one else f"quantized {what}s"
    scales = "" if several_scales else " of one scale" + ("" if one else " each")
    return Constraint(expected + scales, violation)


def quantized_constant(index: int, what: str) -> Constraint[Site]:
    """An operand is codes that the file holds."""

    def violation(site: Site) -> str | None:
        found = site.operand(index)
        if isinstance(found, QuantizedConstant) and found.real:
            return None
        if not isinstance(found, Static):
            return f"its operand {index + 1} is computed"
        site.require_quantized(index, several_scales=True)
        return None

    return Constraint(f"quantized constant {what}", violation)


def constant(index: int, what: str) -> Constraint[Site]:
    """An operand, if it isn't left out, is known."""

    def violation(site: Site) -> str | None:
        computed = site.has(index) and not isinstance(site.operand(index), Static)
        return f"computes its {what}" if computed else None

    return Constraint(f"constant {what}", violation)


def one_of(attribute: str, default: str, values: Sequence[str]) -> Constraint[Site]:
    """A text attribute has one of the values that are supported."""

    def violation(site: Site) -> str | None:
        found = site.text(attribute, default)
        return None if found in values else f"{attribute} is {found!r}"

    return Constraint(f"{attribute} {_any(values)}", violation)


def unset(*attributes: str) -> Constraint[Site]:
    """Flags are 0."""

    def violation(site: Site) -> str | None:
        found = [name for name in attributes if site.flag(name)]
        return f"sets {found[0]}" if found else None

    return Constraint(f"no {_any(attributes)}", violation)


def without(attribute: str, instead: str) -> Constraint[Site]:
    """An attribute isn't stated."""

    def violation(site: Site) -> str | None:
        return f"states {attribute}" if attribute in site.node.attributes else None

    return Constraint(f"no {attribute} but {instead}", violation)


def axes_at_least(least: int, *indices: int) -> Constraint[Site]:
    """Operands have some number of axes."""

    def violation(site: Site) -> str | None:
        for index in indices:
            shape = site.operand(index).shape
            if shape is not None and len(shape) < least:
                return f"its operand {index + 1} has the shape {shape}"
        return None

    return Constraint(f"{least} or more axes", violation)


def float32_precision(attribute: str) -> Constraint[Site]:
    """The type that numbers are rounded to on the way is float32, stated or left open."""

    def violation(site: Site) -> str | None:
        found = site.integer(attribute, 0)
        return None if found in (0, int(ir.DataType.FLOAT)) else f"{attribute} is {found}"

    return Constraint(f"{attribute} float32 ({int(ir.DataType.FLOAT)})", violation)


@expects("operands [N, C, H, W] or [N, C, L]")
def PLANE(site: Site) -> str | None:
    """One or two axes besides batch and channels."""
    shape = site.operand(0).shape
    fine = shape is None or len(shape) in (3, 4)
    return None if fine else f"works on a value of shape {shape}"


@expects("two operands")
def TWO_OPERANDS(site: Site) -> str | None:
    """Some operators of ONNX take any number."""
    count = len(site.operands)
    return None if count == 2 else f"has {count} operands"


@expects("a constant bias, if any")
def CONSTANT_BIAS(site: Site) -> str | None:
    """In float32, or int32 in the scale of the products (see ``contractions.bias``)."""
    known = not site.has(2) or isinstance(site.operand(2), Static | QuantizedConstant)
    return None if known else "computes its bias"


def finite(*attributes: tuple[str, float]) -> Constraint[Site]:
    """Attributes, each with its default, are numbers that a float32 can hold."""

    def violation(site: Site) -> str | None:
        for name, default in attributes:
            value = site.number(name, default)
            if not isfinite(value):
                return f"its {name} is {value}"
        return None

    return Constraint(f"finite {' and '.join(name for name, _ in attributes)}", violation)


def _any(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
