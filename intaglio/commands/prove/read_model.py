# SPDX-License-Identifier: Apache-2.0
"""What a checker reads of an .intaglio file, without the compiler: the text and the constants."""

import json
import re
import zipfile
from typing import Any

import numpy as np

VALUE = r'%([\w.]+): (\w+)(\[.*?\])(?:{.*?})? = (\w+)(?:\((%.*?)\))?(.*?)(?: from ".*")?'
"""Name, element type, shape, op, operands and the rest of the line that defines a value."""

SUM = r" accumulator=accumulator\(type=i(\d+)(?:, overflow=[\w-]+)?(?:, order=[\w-]+)?\)([^()]*)"
"""The rest of the line of a sum whose terms are exact products, added to the accumulator itself."""


def read_model(model: str) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """The graph's text, the parts of each line by its value, and the arrays of the constants.

    Raises:
        ValueError: the text isn't one line for each value.
    """
    with zipfile.ZipFile(model) as archive:
        text = archive.read("graph.txt")
        parts = json.loads(archive.read("manifest.json"))["entries"]
        arrays: Any = {parts[p]["constant"]: np.load(archive.open(p)) for p in parts if p[0] == "c"}
    # One value a line, as every file of ours is written: nothing is overlooked.
    lines = [re.fullmatch(VALUE, line) for line in text.decode("ascii").splitlines()[1:-1]]
    if any(line is None or "#" in line[6] for line in lines):
        raise ValueError("the graph's text isn't in the form in which it is written")
    values = {line[1]: line.groups(default="") for line in lines if line is not None}
    for name in {name for name, value in values.items() if value[3] == "constant"} - arrays.keys():
        arrays[name] = np.reshape(json.loads(values[name][5]), json.loads(values[name][2]))
    return text, values, arrays


def codes_of(values: Any, name: str, clamped: bool) -> tuple[list[int], str]:
    """The codes that a value can be, and which value's clamp or type says so.

    Args:
        values: of ``read_model``.
        name: the value.
        clamped: whether the clamp of what gives it counts; its type alone otherwise.
    """
    while clamped and values[name][3] in ("transpose", "reshape", "slice", "max_pool2d"):
        name = values[name][4][1:]
    clamp = " ".join(re.findall(r"(?:low|high)=({.*?}|-?\d+)", values[name][5]) * clamped)
    top = 1 << int(values[name][1][1:]) - (signed := values[name][1][0] == "i")
    return [int(code) for code in re.findall(r"-?\d+", clamp)] or [-top * signed, top - 1], name


def names_in(operands: str) -> list[str]:
    """The names of a node's operands."""
    return re.findall(r"[\w.]+", operands)


def sum_fields(rest: str) -> dict[str, Any]:
    """The accumulator's width, zero points, pads and axes of a sum; empty for one of another form.

    Of a field's name the first word is left out: ``zero_point`` of whatever operand.
    """
    found = re.fullmatch(SUM, rest)
    if found is None:
        return {}
    absent = {"zero_point": 0, "zero_points": [0], "pads": [0], "value": 0, "axes": []}
    given = re.findall(r" (?:[a-z]+_)?(\w+)=(\[.*?\]|-?\d+)", found[2])
    return {"bits": int(found[1])} | absent | {name: json.loads(value) for name, value in given}


def too_wide(values: Any, *operands: str) -> bool:
    """Whether sums of an operand, weights and a bias of these widths may leave 64 bits."""
    widths = (int(values[name][1][1:]) for name in operands)
    return any(bits > most for bits, most in zip(widths, (20, 20, 40), strict=False))
