# SPDX-License-Identifier: Apache-2.0
"""Derives all that a certificate says of sums again, term by term, from an .intaglio file."""

import hashlib
import json
import re
import sys
import zipfile
from typing import Any

import numpy as np

VALUE = r'%([\w.]+): (\w+)(\[.*?\])(?:{.*?})? = (\w+)(?:\((%.*?)\))?(.*?)(?: from ".*")?'
SUM = r" accumulator=accumulator\(type=i(\d+)(?:, overflow=[\w-]+)?(?:, order=[\w-]+)?\)([^()]*)"


def _codes(values: Any, name: str, clamped: bool) -> tuple[list[int], str]:
    while clamped and values[name][3] in ("transpose", "reshape", "slice", "max_pool2d"):
        name = values[name][4][1:]
    clamp = " ".join(re.findall(r"(?:low|high)=({.*?}|-?\d+)", values[name][5])[-2:] * clamped)
    top = 1 << int(values[name][1][1:]) - (signed := values[name][1][0] == "i")
    return [int(code) for code in re.findall(r"-?\d+", clamp)] or [-top * signed, top - 1], name


def _bounds(terms: list[Any]) -> dict[str, list[int]]:
    low, high = (end.reduce(terms).sum(-1).tolist() for end in (np.minimum, np.maximum))
    bits = [1 + max(a, ~a, b, ~b).bit_length() for a, b in zip(low, high, strict=True)]
    return {"low": low, "high": high, "bits": bits}


def _claims(values: Any, arrays: Any, name: str, *of: str) -> dict[str, Any]:
    (x, *others), found = re.findall(r"[\w.]+", of[3]), re.fullmatch(SUM, of[4])
    odd = [o for o in others if o not in arrays or arrays[o].ndim > 2 + 2 * ("conv" in of[2])]
    if odd or not found or any(int(values[o][1][1:]) > 20 for o in (x, *others[:1])):
        return {"value": name, "refused": "no bounds of its accumulator, its weights or its bias"}
    # Of a field's name the first word is left out: `zero_point` of whatever operand.
    field: Any = {"zero_point": 0, "zero_points": [0], "pads": [0], "value": 0, "axes": []}
    for key, number in re.findall(r" (?:[a-z]+_)?(\w+)=(\[.*?\]|-?\d+)", found[2]):
        field[key] = json.loads(number)
    zero, summed = field["zero_point"], [json.loads(values[x][2])[axis] for axis in field["axes"]]
    w = arrays[others[0]].astype(np.int64) if others else np.ones([1, *summed], np.int64)
    rows = (w.T if of[2] == "mat_mul" else w.reshape(len(w), -1)) - np.c_[field["zero_points"]]
    bias = arrays[others[1]].astype(np.int64) if others[1:] else np.zeros(len(rows), np.int64)
    outside = [zero] if of[2] == "conv_transpose2d" else [field["value"]] * any(field["pads"])
    (codes, giver), (word, _) = (_codes(values, x, clamped) for clamped in (True, False))
    known, typed = ({code - zero for code in each + outside} for each in (codes, word))
    words = _codes(values, others[0], clamped=False)[0] if others else [1]
    weights = {word - z for word in words for z in field["zero_points"]}
    # fmt: off
    return {
        "value": name, "op": of[2] + of[4],
        "operand": [min(known) + zero, max(known) + zero], "operand_from": giver,
        "weights": hashlib.sha256(w.tobytes()).hexdigest(), "bias": bias.tolist(),
        "signed": [end(rows, 0).sum(-1).tolist() for end in (np.minimum, np.maximum)],
        "type_only": _bounds([np.c_[c * w + 0 * rows, bias] for c in typed for w in weights]),
        "weights_known": (final := _bounds(terms := [np.c_[c * rows, bias] for c in known])),
        "any_order": (every := _bounds([*terms, 0 * terms[0]])),
        "fits": [max(each["bits"]) <= int(found[1]) for each in (final, every)],
    }
    # fmt: on


def check(certificate: Any, model: str) -> None:
    """Raise ValueError unless all that the certificate says of sums follows from the model."""
    with zipfile.ZipFile(model) as archive:
        text = archive.read("graph.txt")
        parts = json.loads(archive.read("manifest.json"))["entries"]
        arrays: Any = {parts[p]["constant"]: np.load(archive.open(p)) for p in parts if p[0] == "c"}
    values = {each[0]: each for each in re.findall(f"(?m)^{VALUE}$", text.decode("ascii"))}
    for name in {name for name, value in values.items() if value[3] == "constant"} - arrays.keys():
        arrays[name] = np.reshape(json.loads(values[name][5]), json.loads(values[name][2]))
    sums = [_claims(values, arrays, *v) for v in values.values() if "accumulator(" in v[5]]
    if (hashlib.sha256(text).hexdigest(), sums) != (certificate["graph"], certificate["sums"]):
        raise ValueError("the certificate says what doesn't follow from the model")


if __name__ == "__main__":
    check(json.loads(open(sys.argv[1]).read()), sys.argv[2])
