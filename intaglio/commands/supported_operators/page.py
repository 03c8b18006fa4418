# SPDX-License-Identifier: Apache-2.0
"""The page ``docs/supported-ops.md``, from the tables that the frontends and the profiles use."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from intaglio.commands.supported_operators.probing import ELEMENTS, PROBED, accepted
from intaglio.frontends.constraints import Constraint
from intaglio.frontends.onnx import dispatch as onnx
from intaglio.frontends.onnx.qonnx import dispatch as qonnx
from intaglio.frontends.onnx.qoperator.operators import OPERATORS
from intaglio.frontends.readers import WITHOUT_RULE, Reader
from intaglio.frontends.tflite import dispatch as tflite
from intaglio.numerics.profile import load_profile, profile_names

AnyReader = Reader[Any, Any]
Row = tuple[str, ...]

_HEAD = """# Supported operators

`python -m intaglio.commands.supported_operators` writes this page: the operators from the
constraints that write the error messages, the profiles by lowering graphs of one op.  A test holds
it against both.

An operator that isn't here is refused by name.  So is one that isn't as expected: the message says
what was found, and what this page says is expected.  What only shows itself while an operator is
read (shapes that don't fit, scales that aren't finite) is refused in the same way.

*Becomes* names the rules that a [profile](profiles.md) is asked for; the tables at the end say
which profile has them.  These words need no rule:

"""
_ON_REAL = """
## ONNX: real numbers between QuantizeLinear and DequantizeLinear

Programs of PyTorch's pt2e become such models.  Where their results follow from the file, these are
read too: {constants}.

"""
_PROFILES = """## Profiles

The element types from which, and to which, a profile has arithmetic for an op: *all* is {elements};
— is none.  Weights are i8 or u8, with one scale or one for each channel; one of these is enough.
Graphs of one op, whose scales are powers of two, were lowered; for functions, softmax, requantize
and clip of 16 bits only the rules were asked.  A profile may still refuse a model, as where a sum
is wider than what it can multiply.

Inside a recurrent cell a profile may have rules of their own (*recurrent_…*); where it has none,
those of the same op elsewhere serve.  *joined* is a requantize in front of a concatenation.
"""
_COLUMNS = 6
_WIDEST_COLUMN = 40


def frontends_text() -> str:
    """What every frontend reads, becomes and expects."""
    parts = [_HEAD, *(f"- {word}: {meaning}\n" for word, meaning in WITHOUT_RULE.items())]
    parts.append("\n## TensorFlow Lite\n\n")
    parts.append(_operators({name: _own(each) for name, each in tflite.READERS.items()}))
    constants = ", ".join(sorted(onnx.CONSTANT_OPS - set(onnx.REAL)))
    parts.append(_ON_REAL.format(constants=constants))
    parts += [f"- Instead of {name}: {hint}.\n" for name, hint in onnx.HINTS.items()]
    parts.append("\n")
    parts.append(_operators({name: _own(each) for name, each in onnx.REAL.items()}))
    parts.append("\n## ONNX: operators on codes, ONNX's own and those of ONNX Runtime\n\n")
    on_codes = {
        name: (each.meaning.becomes, (*each.constraints, *each.meaning.constraints))
        for name, each in OPERATORS.items()
    }
    parts.append(_operators(on_codes))
    parts.append("\n## QONNX\n\nOther operators are read as in ONNX.\n\n")
    readers = {**qonnx.QUANTIZERS, **qonnx.READERS}
    parts.append(_operators({name: _own(each) for name, each in readers.items()}))
    return "".join(parts)


def profiles_text() -> str:
    """Which element types each profile has arithmetic for, by rule."""
    small = ("rescale", "softmax", "resize")
    words = [PROBED[table] for table in PROBED if table not in small]
    words.append(tuple(word for table in small for word in PROBED[table]))
    parts = [_PROFILES.format(elements=", ".join(map(str, ELEMENTS)))]
    for group in words:
        for start in range(0, len(group), _COLUMNS):
            parts += ["\n", _profile_table(group[start : start + _COLUMNS])]
    return "".join(parts)


def _own(reader: AnyReader) -> tuple[tuple[str, ...], tuple[Constraint[Any], ...]]:
    return reader.becomes, reader.constraints


def _operators(
    readers: Mapping[str, tuple[tuple[str, ...], tuple[Constraint[Any], ...]]],
) -> str:
    """One row for each operator; those that agree in everything share one."""
    names: dict[Row, list[str]] = {}
    for name in sorted(readers):
        becomes, constraints = readers[name]
        expected = dict.fromkeys(each.expected for each in constraints)
        row = (", ".join(becomes) or "—", "; ".join(expected) or "—")
        names.setdefault(row, []).append(name)
    rows = [(", ".join(each), *row) for row, each in names.items()]
    return _table(("operator", "becomes", "expects"), rows)


def _profile_table(words: Sequence[str]) -> str:
    """One row for each profile; those that take the same share one."""
    names: dict[Row, list[str]] = {}
    for name in profile_names():
        names.setdefault(tuple(_cell(name, word) for word in words), []).append(name)
    rows = [(", ".join(each), *row) for row, each in names.items()]
    return _table(("profile", *words), rows)


def _cell(profile: str, word: str) -> str:
    found = accepted(load_profile(profile), word)
    if found == ELEMENTS:
        return "all"
    return " ".join(str(element) for element in found) or "—"


def _table(heading: Row, rows: Iterable[Row]) -> str:
    """A table in Markdown whose columns, but the last, are aligned as they stand."""
    whole = [heading, *rows]
    widths = [
        min(max(len(row[at]) for row in whole), _WIDEST_COLUMN) for at in range(len(heading) - 1)
    ]
    lines = [_line(row, widths) for row in whole]
    rule = "|".join("-" * (width + 2) for width in widths)
    return "".join([lines[0], f"|{rule}|---|\n", *lines[1:]])


def _line(row: Row, widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return f"| {' | '.join([*padded, row[-1]])} |\n"
