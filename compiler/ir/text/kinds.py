# SPDX-License-Identifier: Apache-2.0
"""What each dataclass is called in the text form, and what its fields hold, read off its types."""

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Level
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType


class Atom(Enum):
    """A field that holds one indivisible value; the value says what a parser expects."""

    INTEGER = "an integer"
    TRUTH = "true or false"
    FLOAT32 = "f32(a decimal number)"
    FLOAT64 = "f64(a decimal number)"
    INTEGER_TYPE = "an integer type of 1 to 64 bits such as i8 or u3"


@dataclass(frozen=True, slots=True)
class Word:
    """A field that holds a member of an enumeration, written as its value."""

    enumeration: type[Enum]


@dataclass(frozen=True, slots=True)
class Row:
    """A field that holds a tuple; ``length`` is None where any will do."""

    item: "Form"
    length: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """A field that holds a dataclass, one of the classes of a closed union."""

    classes: tuple[type[Any], ...]

    def named(self, name: str) -> type[Any] | None:
        """The class of that kind name."""
        return next((each for each in self.classes if kind_name(each) == name), None)


@dataclass(frozen=True, slots=True)
class Optional:
    """A field that holds a value or ``none``."""

    form: "Form"


Form: TypeAlias = Atom | Word | Row | Record | Optional


@dataclass(frozen=True, slots=True)
class FieldForm:
    """One field: what it holds, and its default (``MISSING`` where it must be written)."""

    form: Form
    default: object


_ATOMS: Mapping[object, Atom] = {
    int: Atom.INTEGER,
    bool: Atom.TRUTH,
    Float32: Atom.FLOAT32,
    Float64: Atom.FLOAT64,
    IntType: Atom.INTEGER_TYPE,
}

_FORMS: dict[type[Any], Mapping[str, FieldForm]] = {}


def kind_name(kind: type[object]) -> str:
    """The class's name in the text form.

    >>> kind_name(fixed.ConvTranspose2d)
    'conv_transpose2d'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


@cache
def op_classes(level: Level) -> Mapping[str, type[Any]]:
    """Every op of a level by its name in the text form."""
    union = scaled.Op if level is Level.SCALED else fixed.Op
    return {kind_name(each): each for each in get_args(union)}


def field_forms(kind: type[Any]) -> Mapping[str, FieldForm]:
    """The fields of a dataclass by name, in order."""
    if kind not in _FORMS:
        hints = get_type_hints(kind)
        _FORMS[kind] = {
            each.name: FieldForm(form_of(hints[each.name]), each.default) for each in fields(kind)
        }
    return _FORMS[kind]


def form_of(hint: Any) -> Form:
    """What a field with this type hint holds.

    Raises:
        TypeError: the text form has no way to write it.
    """
    if hint in _ATOMS:
        return _ATOMS[hint]
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        length = None if arguments[-1] is Ellipsis else len(arguments)
        return Row(form_of(arguments[0]), length)
    if get_origin(hint) in (Union, types.UnionType):
        return _union_form(arguments)
    if is_dataclass(hint):
        return _union_form((hint,))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Word(hint)
    raise TypeError(f"the text form has no way to write a {hint}")


def _union_form(members: tuple[Any, ...]) -> Form:
    if type(None) in members:
        rest = tuple(member for member in members if member is not type(None))
        return Optional(form_of(rest[0]) if len(rest) == 1 else _union_form(rest))
    if all(is_dataclass(member) and member not in _ATOMS for member in members):
        return Record(members)
    raise TypeError(f"the text form has no way to write one of {members}")
