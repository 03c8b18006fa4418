# SPDX-License-Identifier: Apache-2.0
"""Text that isn't a graph: the line, what was found, what was expected."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.text import array_hash, parse_graph
from intaglio.compiler.ir.verify import verify
from intaglio.errors import InvalidText
from tests.compiler.ir.every_op import FIXED

HEAD = "graph g fixed\n%x: i8[1,2] = input\n"

BAD = {
    "empty": ("", "line 1: found the end of the text, expected graph:\n  "),
    "no level": ("graph g\n", "line 2: found the end of the text, expected scaled or fixed:\n  "),
    "level": (
        "graph g float\n",
        "line 1: found 'float', expected scaled or fixed:\n  graph g float",
    ),
    "no return": (
        HEAD,
        "line 3: found the end of the text, "
        "expected a definition such as %name: i8[1] = …, or return:\n  ",
    ),
    "element": (
        "graph g fixed\n%x: i65[1] = input",
        "line 2: found 'i65', expected an integer type of 1 to 64 bits such as i8 or u3:\n"
        "  %x: i65[1] = input",
    ),
    "extent": (
        "graph g fixed\n%x: i8[0] = input",
        "line 2: found '0', expected an extent of 1 to 2147483647:\n  %x: i8[0] = input",
    ),
    "extent in many digits": (
        "graph g fixed\n%x: i8[100000000000000000000] = input",
        "line 2: found '100000000000000000000', expected an extent of 1 to 2147483647:\n"
        "  %x: i8[100000000000000000000] = input",
    ),
    "rank": (
        f"graph g fixed\n%x: i8[{','.join('1' * 17)}] = input",
        "line 2: found 17 dimensions, expected a shape of at most 16 dimensions:\n"
        f"  %x: i8[{','.join('1' * 17)}] = input",
    ),
    "op": (
        HEAD + "%y: i8[1,2] = conv3d(%x)",
        "line 3: found 'conv3d', expected input, constant or an op of the fixed level:\n"
        "  %y: i8[1,2] = conv3d(%x)",
    ),
    "op of the other level": (
        HEAD + "%y: i8[1,2] = unary(%x)",
        "line 3: found 'unary', expected input, constant or an op of the fixed level:\n"
        "  %y: i8[1,2] = unary(%x)",
    ),
    "operand": (
        HEAD + "%y: i9[1,2] = add(x, %x)",
        "line 3: found 'x', expected a value such as %name:\n  %y: i9[1,2] = add(x, %x)",
    ),
    "missing field": (
        HEAD + "%y: i8[1,2] = concat(%x)\nreturn %y",
        "line 4: found 'return', expected axis=…, without a default in concat:\n  return %y",
    ),
    "unknown field": (
        HEAD + "%y: i8[1,2] = clamp(%x) lower=[1]",
        "line 3: found 'lower', expected a field of clamp: low or high:\n"
        "  %y: i8[1,2] = clamp(%x) lower=[1]",
    ),
    "field written twice": (
        HEAD + "%y: i8[1,2] = clamp(%x) low=[1] low=[1]",
        "line 3: found 'low', expected a field of clamp: high:\n"
        "  %y: i8[1,2] = clamp(%x) low=[1] low=[1]",
    ),
    "integer": (
        HEAD + "%y: i8[1,2] = concat(%x) axis=1.5",
        "line 3: found '1.5', expected an integer:\n  %y: i8[1,2] = concat(%x) axis=1.5",
    ),
    "word": (
        HEAD + "%y: i8[1,2] = cast(%x) overflow=clip",
        "line 3: found 'clip', expected wrap or saturate or saturate-each-add or trap:\n"
        "  %y: i8[1,2] = cast(%x) overflow=clip",
    ),
    "length": (
        HEAD + "%y: i8[1,2] = max_pool2d(%x) kernel=[1, 2, 3] strides=[1, 1]",
        "line 3: found 3 values, expected 2 values:\n",
    ),
    "kind": (
        HEAD + "%y: i8[1,2] = pairwise(%x, %x) arithmetic=sum()",
        "line 3: found 'sum', expected rescaled_sum or shared_shift_sum or rational_sum or "
        "fused_multiply_add_sum or dequantized_pair:\n"
        "  %y: i8[1,2] = pairwise(%x, %x) arithmetic=sum()",
    ),
    "values that the class refuses": (
        HEAD + "%y: i8[1,2] = requantize(%x) requantizers=[requantizer(scaling=shift(shift=1,"
        " rounding=floor), zero_point=0, low=2, high=1)]",
        "line 3: found requantizer clamp [2, 1]: is empty; give low <= high, "
        "expected values that requantizer takes:\n",
    ),
    "column": (
        HEAD + "%y: i8[1,2] = requantize(%x) requantizers=2 * requantizer(low={1, 2, 3})",
        "line 3: found 3 values in braces, expected 2, one for each record:\n  …",
    ),
    "braces outside of columns": (
        HEAD + "%y: i8[1,2] = concat(%x) axis={1, 2}",
        "line 3: found '{', expected an integer:\n  %y: i8[1,2] = concat(%x) axis={1, 2}",
    ),
    "repetition": (
        HEAD + "%y: i8[1,2] = requantize(%x) requantizers=99999999999 * requantizer()",
        "line 3: found 99999999999 repetitions, expected 1 to 16777216 repetitions in all:\n",
    ),
    "float": (
        HEAD + "%y: f32[1,2] = dequantize(%x) scale=f32(one) zero_point=0",
        "line 3: found 'one', expected a decimal number:\n",
    ),
    "float that overflows": (
        HEAD + "%y: f32[1,2] = dequantize(%x) scale=f32(1e39) zero_point=0",
        "line 3: found '1e39', expected a decimal number in the format's range:\n",
    ),
    "float with a huge exponent": (
        HEAD + "%y: f32[1,2] = dequantize(%x) scale=f32(1e-999999999) zero_point=0",
        "line 3: found '1e-999999999', expected a decimal number:\n",
    ),
    "constant of another size": (
        "graph g fixed\n%w: i8[3] = constant [1, 2]\nreturn %w",
        "line 2: found 2 values for %w, expected 3 values:\n  %w: i8[3] = constant [1, 2]",
    ),
    "constant that no array holds": (
        "graph g fixed\n%w: i8[1] = constant [128]",
        "line 2: found 128, expected an integer that i8 holds:\n  %w: i8[1] = constant [128]",
    ),
    "constant without an array": (
        f"graph g fixed\n%w: i8[1] = constant sha256:{'0' * 64}",
        "line 2: found none, expected an array for %w among the constants:\n",
    ),
    "string": (
        'graph g fixed profile="\\x"',
        "line 1: found '\"\\\\x\"', expected a string with the escapes of JSON:\n"
        '  graph g fixed profile="\\x"',
    ),
    "some outputs named": (
        HEAD + 'return %x as "x", %x',
        'line 3: found the end of the text, expected as "name" after every output, '
        'or after none:\n  return %x as "x", %x',
    ),
    "text after the end": (
        HEAD + "return %x %x",
        "line 3: found '%x', expected the end of the text:\n  return %x %x",
    ),
    "a character of no token": (
        HEAD + "return %x $",
        "line 3: found '$', expected the end of the text:\n  return %x $",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_text_is_refused_in_place(text: str, message: str) -> None:
    with pytest.raises(InvalidText) as error:
        parse_graph(text)
    assert str(error.value).startswith(message)


def test_a_long_line_is_shown_around_the_fault() -> None:
    with pytest.raises(InvalidText) as error:
        parse_graph(HEAD + f"%y: i8[1,2] = clamp(%x) low=[{'1, ' * 100}?{', 2' * 100}]")
    shown = str(error.value).splitlines()[1]
    assert len(shown) < 130
    assert "…" in shown
    assert "?" in shown


TEXT_WITH_HASH = "graph g fixed\n%w: i16[2] = constant sha256:HASH\nreturn %w\n"
ARRAY: Array = np.array([1, -2], dtype=np.int16)


def parse_with(array: Array) -> Graph:
    return parse_graph(TEXT_WITH_HASH.replace("HASH", array_hash(ARRAY)), {"w": array})


def test_the_array_that_the_text_names_is_taken() -> None:
    assert parse_with(ARRAY).constants[0].array.tolist() == [1, -2]


@pytest.mark.parametrize(
    ("array", "found", "expected"),
    [
        (
            np.array([1, -2], dtype=np.int32),
            "an array of int32 and shape [2] for %w",
            "int16 and shape [2]",
        ),
        (
            np.array([[1, -2]], dtype=np.int16),
            "an array of int16 and shape [1, 2] for %w",
            "int16 and shape [2]",
        ),
        (
            np.array([1, -3], dtype=np.int16),
            f"one with sha256:{array_hash(np.array([1, -3], dtype=np.int16))} for %w",
            f"an array with sha256:{array_hash(ARRAY)}",
        ),
    ],
)
def test_another_array_is_refused(array: Array, found: str, expected: str) -> None:
    with pytest.raises(InvalidText) as error:
        parse_with(array)
    assert str(error.value).startswith(f"line 2: found {found}, expected {expected}:\n")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "graph g fixed\n%x: i8[" + "[" * 200_000,
        HEAD + "%y: i8[1,2] = clamp(%x) low=" + "[" * 200_000,
        HEAD + "%y: i8[1,2] = requantize(%x) requantizers=" + "2 * " * 100_000,
        'graph "' + "\\" * 200_001,
        "graph g fixed\n" + "#" * 2_000_000,
        HEAD + "%y: i8[1,2] = concat(%x) axis=" + "9" * 1_000_000,
        "x" * (2**26 + 1),
    ],
    ids=["open", "shape", "list", "repeats", "escapes", "comment", "digits", "too long"],
)
def test_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_graph(text)


@settings(max_examples=300, deadline=None)
@given(
    start=st.integers(0, len(FIXED)),
    length=st.integers(0, 40),
    instead=st.text(alphabet='%:=(){}[],*"#/.-+eE019afx \n', max_size=8),
)
def test_damaged_text_is_refused_or_verified(start: int, length: int, instead: str) -> None:
    text = FIXED[:start] + instead + FIXED[start + length :]
    with contextlib.suppress(InvalidText):
        assert all(violation.endswith(".") for violation in verify(parse_graph(text)))
