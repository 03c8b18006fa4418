# SPDX-License-Identifier: Apache-2.0
"""From text to the values of an op's fields, led by the forms of the fields alone.

How deep values nest is bounded by the dataclasses, never by the text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, TypeVar, assert_never

from intaglio.compiler.ir.text.kinds import (
    Atom,
    Form,
    Optional,
    Record,
    Row,
    Word,
    field_forms,
    kind_name,
)
from intaglio.compiler.ir.text.tokens import Tokens
from intaglio.errors import IntaglioError
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType

T = TypeVar("T")
FloatT = TypeVar("FloatT", Float32, Float64)

MOST_REPEATED = 1 << 24
"""How many values a text may ask for with ``N *`` altogether: more than any model has channels."""

KEYWORDS = frozenset({"from", "return"})
"""Words that may follow an op's fields."""

_MODEST_FLOAT = re.compile(r"[^eE]{1,60}(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Column:
    """One value for each record of a row."""

    values: tuple[object, ...]


class AttributeReader:
    """Reads values off tokens; one reader for a whole text, so that it bounds all repetition."""

    def __init__(self, tokens: Tokens) -> None:
        """Read from where ``tokens`` stand."""
        self._tokens = tokens
        self._repeated = 0

    def fields(self, kind: type[Any], separator: str = "", count: int = 0) -> Any:
        """Read ``name=value`` fields and make a ``kind`` of them.

        Args:
            kind: the dataclass.
            separator: the mark between fields; empty where white space is enough.
            count: how many records the row has; 0 outside of a row in columns.

        Returns:
            The dataclass, or a ``Column`` of ``count`` where a field differs between them.
        """
        tokens, forms = self._tokens, field_forms(kind)
        start = tokens.position
        values: dict[str, object] = {}
        while tokens.kind == "word" and tokens.text not in KEYWORDS:
            if tokens.text not in forms or tokens.text in values:
                unwritten = [name for name in forms if name not in values]
                tokens.fail(f"a field of {kind_name(kind)}: {_either(unwritten)}")
            name = tokens.advance()
            tokens.take("=")
            values[name] = self._column(forms[name].form, count)
            if separator and not tokens.skip(separator):
                break
        for name, field in forms.items():
            if field.default is MISSING and name not in values:
                tokens.fail(f"{name}=…, without a default in {kind_name(kind)}")
        try:
            return _made(kind, values)
        except IntaglioError as error:
            found = str(error).removesuffix(".")
            tokens.fail(f"values that {kind_name(kind)} takes", found, start)

    def value(self, form: Form) -> object:
        """Read one value of a form."""
        match form:
            case Atom():
                return self._atom(form)
            case Word(enumeration=enumeration):
                members = {str(member.value): member for member in enumeration}
                if self._tokens.text not in members:
                    self._tokens.fail(_either(members))
                return members[self._tokens.advance()]
            case Optional(form=present):
                return None if self._tokens.skip("none") else self.value(present)
            case Row(item=item, length=length):
                return self._row(item, length)
            case Record():
                return self._record(form)
            case _:
                assert_never(form)

    def items(self, read: Callable[[], T], opening: str = "[", closing: str = "]") -> list[T]:
        """Read values between brackets, with commas between them."""
        tokens = self._tokens
        tokens.take(opening)
        found: list[T] = []
        while not tokens.skip(closing):
            found.append(read())
            if not tokens.skip(","):
                tokens.take(closing)
                break
        return found

    def one_or_more(self, read: Callable[[], T]) -> tuple[T, ...]:
        """Read one value, or several between brackets."""
        return tuple(self.items(read)) if self._tokens.at("[") else (read(),)

    def float32(self) -> Float32:
        """Read ``f32(a decimal number)``, correctly rounded."""
        return self._float(Float32, "f32")

    def integer_type(self) -> IntType:
        """Read ``i8``, ``u3`` and so on."""
        try:
            value = IntType.parse(self._tokens.text)
        except IntaglioError:
            self._tokens.fail(Atom.INTEGER_TYPE.value)
        self._tokens.advance()
        return value

    def decimal(self, number: type[FloatT]) -> FloatT:
        """Read a decimal number, correctly rounded to a format."""
        tokens = self._tokens
        # A huge exponent is a huge power of ten in exact arithmetic.
        if tokens.kind != "number" or not _MODEST_FLOAT.fullmatch(tokens.text):
            tokens.fail("a decimal number")
        try:
            value = number.parse(tokens.text)
        except IntaglioError:
            tokens.fail("a decimal number in the format's range")
        tokens.advance()
        return value

    def _float(self, number: type[FloatT], name: str) -> FloatT:
        self._tokens.take(name)
        self._tokens.take("(")
        value = self.decimal(number)
        self._tokens.take(")")
        return value

    def _atom(self, atom: Atom) -> object:
        tokens = self._tokens
        match atom:
            case Atom.INTEGER:
                return tokens.take_integer()
            case Atom.TRUTH:
                if tokens.text not in ("true", "false"):
                    tokens.fail(atom.value)
                return tokens.advance() == "true"
            case Atom.FLOAT32:
                return self.float32()
            case Atom.FLOAT64:
                return self._float(Float64, "f64")
            case Atom.INTEGER_TYPE:
                return self.integer_type()
            case _:
                assert_never(atom)

    def _row(self, item: Form, length: int | None) -> tuple[object, ...]:
        tokens = self._tokens
        start = tokens.position
        if isinstance(item, Record) and tokens.kind == "number":
            values = self._repeated_record(item)
        else:
            values = tuple(self.items(lambda: self.value(item)))
        if length is not None and len(values) != length:
            tokens.fail(f"{length} values", f"{len(values)} values", start)
        return values

    def _repeated_record(self, form: Record) -> tuple[object, ...]:
        """``N * kind(field=one, field={one for each})``."""
        tokens = self._tokens
        count = tokens.take_integer()
        self._repeated += count
        if count < 1 or self._repeated > MOST_REPEATED:
            tokens.fail(f"1 to {MOST_REPEATED} repetitions in all", f"{count} repetitions")
        tokens.take("*")
        record = self._record(form, count)
        return record.values if isinstance(record, Column) else (record,) * count

    def _record(self, form: Record, count: int = 0) -> object:
        tokens = self._tokens
        kind = form.named(tokens.text)
        if kind is None:
            tokens.fail(_either(map(kind_name, form.classes)))
        tokens.advance()
        tokens.take("(")
        record = self.fields(kind, ",", count)
        tokens.take(")")
        return record

    def _column(self, form: Form, count: int) -> object:
        """A field of a row's records: one value for all, or one for each in braces."""
        tokens = self._tokens
        if count and tokens.at("{"):
            start = tokens.position
            values = tuple(self.items(lambda: self.value(form), "{", "}"))
            if len(values) != count:
                found = f"{len(values)} values in braces"
                tokens.fail(f"{count}, one for each record", found, start)
            return Column(values)
        if count and isinstance(form, Record):
            return self._record(form, count)
        return self.value(form)


def _made(kind: type[Any], values: Mapping[str, object]) -> object:
    """One dataclass, or a column of them where a field has a column."""
    columns = {name: each.values for name, each in values.items() if isinstance(each, Column)}
    shared = {name: each for name, each in values.items() if not isinstance(each, Column)}
    if not columns:
        return kind(**shared)
    rows = zip(*columns.values(), strict=True)
    return Column(tuple(kind(**shared, **dict(zip(columns, row, strict=True))) for row in rows))


def _either(words: Iterable[str]) -> str:
    return " or ".join(words) or "nothing more"
