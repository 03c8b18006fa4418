# SPDX-License-Identifier: Apache-2.0
"""Constraints that several operators share."""

from collections.abc import Sequence

from intaglio.compiler.ir.types import FLOAT32
from intaglio.frontends.constraints import Constraint
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.tensors import type_of
from intaglio.frontends.tflite.values import Stored

BYTES = ("i8", "u8")
CODES = ("i8", "u8", "i16")


def codes_of(index: int, elements: Sequence[str]) -> Constraint[Site]:
    """An operand is quantized, in one of some element types, with one scale."""

    def violation(site: Site) -> str | None:
        try:
            value = site.codes(index)
        except Refusal as refusal:
            return str(refusal)
        found = str(value.type.element)
        return None if found in elements else f"reads {value.label} of type {found}"

    return Constraint(f"operand {index} quantized in {_any(elements)}", violation)


def result_in(elements: Sequence[str]) -> Constraint[Site]:
    """The result is quantized, in one of some element types, with one scale."""

    def violation(site: Site) -> str | None:
        try:
            found = str(site.result_type.element)
        except Refusal as refusal:
            return str(refusal)
        return None if found in elements else f"writes {site.result.label} of type {found}"

    return Constraint(f"a result quantized in {_any(elements)}", violation)


def constant(index: int, what: str) -> Constraint[Site]:
    """An operand, if it isn't left out, is a constant."""

    def violation(site: Site) -> str | None:
        value = site.optional(index)
        computed = value is not None and not isinstance(value, Stored)
        return f"computes its {what} at run time" if computed else None

    return Constraint(f"constant {what}", violation)


def option(name: str, value: int, expected: str) -> Constraint[Site]:
    """An option has the one value that is supported."""

    def violation(site: Site) -> str | None:
        found = site.integer(name)
        return None if found == value else f"has the option {name} = {found}"

    return Constraint(expected, violation)


def at_least_one(*names: str) -> Constraint[Site]:
    """Options such as strides are positive."""

    def violation(site: Site) -> str | None:
        wrong = [name for name in names if site.integer(name) < 1]
        return f"has the option {wrong[0]} = {site.integer(wrong[0])}" if wrong else None

    return Constraint(f"{_all(names)} of 1 or more", violation)


def one_element(*indices: int) -> Constraint[Site]:
    """Operands and results have one element type."""

    def violation(site: Site) -> str | None:
        first = site.operand(indices[0]).type.element
        others = {site.operand(index).label: site.operand(index).type for index in indices[1:]}
        others |= {result.label: type_of(result, result.shape) for result in site.results}
        for label, type in others.items():
            if type.element != first:
                return f"has {first} in its first operand and {type.element} in {label}"
        return None

    return Constraint("one element type for operands and results", violation)


def real_or_codes(index: int) -> Constraint[Site]:
    """An operand is float32, or quantized with one scale."""

    def violation(site: Site) -> str | None:
        type = site.operand(index).type
        if type.element == FLOAT32 or (type.quantization and type.quantization.per_tensor):
            return None
        return f"reads {site.operand(index).label}, which has no scale or several"

    return Constraint(f"operand {index} in float32, or with one scale", violation)


def _any(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _all(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
