# SPDX-License-Identifier: Apache-2.0
"""Integers of two words and roundings of floats in C equal Python's, on extremes and on any."""

import struct
import subprocess
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from random import Random

import numpy as np

from intaglio.compiler.targets.c_source.helpers import HELPERS, helpers
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from tests.compiler.targets.c_source.programs import SANITIZED, STRICT, needs_gcc

pytestmark = needs_gcc

INCLUDES = "#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n"


def answers(folder: Path, called: list[str], body: str, given: bytes) -> bytes:
    """What a program with some of the functions writes, which reads and writes by itself."""
    text = "".join([INCLUDES, *helpers(called), "int main(void) {", body, "return 0;\n}\n"])
    (folder / "helpers.c").write_text(text)
    command = ["gcc", *SANITIZED, *STRICT, "helpers.c", "-o", "helpers"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run(
        ["./helpers"], cwd=folder, input=given, capture_output=True, check=True
    ).stdout


def signed(words: int) -> int:
    return words - (1 << 128) if words >> 127 else words


WIDE: Mapping[str, Callable[[int, int], int]] = {
    "wide_add": lambda a, b: a + b,
    "wide_subtract": lambda a, b: a - b,
    "wide_multiply": lambda a, b: a * b,
    "wide_and": lambda a, b: a & b,
    "wide_or": lambda a, b: a | b,
    "minimum_wide": min,
    "maximum_wide": max,
    "wide_of_words": lambda a, b: a % (1 << 64) | (b % (1 << 64)) << 64,
}
SHIFTS: Mapping[str, Callable[[int, int], int]] = {
    "wide_left": lambda a, n: a << n,
    "wide_right": lambda a, n: a >> n,
}


def test_integers_of_two_words(tmp_path: Path) -> None:
    random = Random(1)
    edges = [0, 1, -1, 2**63, 2**64 - 1, 2**64, -(2**64), 2**127 - 1, -(2**127), 2**32, -(2**32)]
    pairs = [*product(edges, edges)]
    numbers = [signed(random.getrandbits(128)) >> random.randrange(128) for _ in range(1000)]
    pairs += zip(numbers[:500], numbers[500:], strict=True)
    calls = "".join(
        f"wide r{n} = {name}(a, b); fwrite(&r{n}, 16, 1, stdout);"
        for n, name in enumerate(WIDE)
        if name != "wide_of_words"
    )
    calls += "wide w = wide_of_words(a.low, b.low); fwrite(&w, 16, 1, stdout);"
    calls += "unsigned char less = wide_less(a, b), same = wide_equal(a, b);"
    calls += "fwrite(&less, 1, 1, stdout); fwrite(&same, 1, 1, stdout);"
    body = "wide a, b; while (fread(&a, 16, 1, stdin) && fread(&b, 16, 1, stdin)) {" + calls + "}"
    given = b"".join((x % (1 << 128)).to_bytes(16, "little") for pair in pairs for x in pair)
    found = answers(tmp_path, [*WIDE, "wide_less", "wide_equal"], body, given)
    expected = b"".join(
        b"".join((f(a, b) % (1 << 128)).to_bytes(16, "little") for f in WIDE.values())
        + bytes([a < b, a == b])
        for a, b in pairs
    )
    assert found == expected


def test_shifts_of_two_words(tmp_path: Path) -> None:
    random = Random(2)
    values = [signed(random.getrandbits(128)) for _ in range(4)] + [-1, 1, -(2**127)]
    calls = "".join(
        f"wide r{n} = {name}(a, b); fwrite(&r{n}, 16, 1, stdout);" for n, name in enumerate(SHIFTS)
    )
    body = (
        "wide a; while (fread(&a, 16, 1, stdin)) for (int64_t n = 0; n < 128; n++) {"
        f"const wide b = wide_of(n); {calls} }}"
    )
    given = b"".join((x % (1 << 128)).to_bytes(16, "little") for x in values)
    found = answers(tmp_path, [*SHIFTS, "wide_of"], body, given)
    expected = b"".join(
        (f(a, n) % (1 << 128)).to_bytes(16, "little")
        for a in values
        for n in range(128)
        for f in SHIFTS.values()
    )
    assert found == expected


ROUNDINGS = {
    "trunc": np.trunc,
    "floor": np.floor,
    "ceil": np.ceil,
    "roundeven": np.rint,
    "fabs": np.abs,
}


def test_floats_are_rounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    near = np.concatenate(
        [np.arange(-50, 50) / 4, 2.0 ** np.arange(-60, 62), -(2.0 ** np.arange(-60, 62))]
    )
    ties = np.concatenate(
        [
            2.0**23 + np.arange(-9, 9) / 2,
            2.0**52 + np.arange(-9, 9) / 2,
            2.0**22 + np.arange(-9, 9) / 4,
        ]
    )
    values = np.concatenate([near, ties, -ties, rng.normal(0, 1e4, 200), [np.inf, -np.inf]])
    for name, dtype in (("float", np.float32), ("double", np.float64)):
        given = values.astype(dtype)
        called = [f"{rounding}_{name}" for rounding in ROUNDINGS]
        calls = "".join(f"y = {each}(x); fwrite(&y, sizeof y, 1, stdout);" for each in called)
        body = f"{name} x, y; while (fread(&x, sizeof x, 1, stdin)) {{ {calls} }}"
        found = np.frombuffer(answers(tmp_path, called, body, given.tobytes()), dtype)
        expected = np.stack([rounding(given) for rounding in ROUNDINGS.values()], axis=1)
        # A zero may have the other sign: integers come of them.
        assert np.array_equal(found.reshape(expected.shape), expected)


def test_a_fused_sum_is_rounded_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    a, b, c = rng.normal(0, 1, (3, 4000)).astype(np.float32)
    scale = (2.0 ** rng.integers(-40, 40, 4000)).astype(np.float32)
    # Sums near a tie of the product, where two roundings go astray.
    c[:2000] = (a.astype(np.float64) * b)[:2000].astype(np.float32) * rng.choice(
        [-1, 1, 2**24], 2000
    )
    c[2000:] *= scale[2000:]
    body = """
    float x[3];
    while (fread(x, sizeof x, 1, stdin)) {
        const float y = fma_float(x[0], x[1], x[2]);
        fwrite(&y, sizeof y, 1, stdout);
    }
    """
    # Just beside a tie of floats, nearer than a double tells.
    above, below = 1 + 2.0**-23, 1 - 2.0**-23
    beside = [
        (above * sign, factor * 2.0**-24, c)
        for sign, factor, c in product([1, -1], [above, below], [1, -1, above, -above])
    ]
    given = np.concatenate([np.stack([a, b, c], axis=1), np.array(beside, np.float32)])
    found = np.frombuffer(answers(tmp_path, ["fma_float"], body, given.tobytes()), np.float32)
    expected = [
        float32.fused_multiply_add(*(Float32.from_value(float(value)) for value in row))
        for row in given
    ]
    assert [value.view(np.uint32) for value in found] == [each.bits for each in expected]


def test_leading_zeros(tmp_path: Path) -> None:
    values = [0, -1, *(1 << n for n in range(63)), *((1 << n) - 1 for n in range(1, 64))]
    body = """
    int64_t x;
    while (fread(&x, 8, 1, stdin)) {
        x = leading_zeros(x);
        fwrite(&x, 8, 1, stdout);
    }
    """
    given = struct.pack(f"<{len(values)}q", *values)
    found = struct.unpack(f"<{len(values)}q", answers(tmp_path, ["leading_zeros"], body, given))
    assert list(found) == [64 - (x % (1 << 64)).bit_length() for x in values]


def test_every_helper_stands_behind_those_that_it_calls(tmp_path: Path) -> None:
    text = "".join([INCLUDES, *helpers(HELPERS)])
    assert all(body.strip() in text for body in HELPERS.values())
    (tmp_path / "all.c").write_text(text)
    command = ["gcc", *STRICT, "-Wno-unused-function", "-c", "all.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
