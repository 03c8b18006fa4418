# SPDX-License-Identifier: Apache-2.0
"""Derives all that a certificate says of sums again, term by term, from an .intaglio file."""

import hashlib
import json
import sys
from typing import Any

import numpy as np

from intaglio.commands.prove.read_model import codes_of, names_in, read_model, sum_fields, too_wide


def _bounds(terms: list[Any]) -> dict[str, list[int]]:
    low, high = (end.reduce(terms).sum(-1).tolist() for end in (np.minimum, np.maximum))
    bits = [1 + max(a, ~a, b, ~b).bit_length() for a, b in zip(low, high, strict=True)]
    return {"low": low, "high": high, "bits": bits}


def _claims(values: Any, arrays: Any, name: str, *of: str) -> dict[str, Any]:
    (x, *others), field = names_in(of[3]), sum_fields(of[4])
    odd = [o for o in others if o not in arrays or arrays[o].ndim > 2 + 2 * ("conv" in of[2])]
    if odd or not field or too_wide(values, x, *others):
        return {"value": name, "refused": "no bounds of its accumulator, its weights or its bias"}
    zero, summed = field["zero_point"], [json.loads(values[x][2])[axis] for axis in field["axes"]]
    w = arrays[others[0]].astype(np.int64) if others else np.ones([1, *summed], np.int64)
    rows = (w.T if of[2] == "mat_mul" else w.reshape(len(w), -1)) - np.c_[field["zero_points"]]
    bias = arrays[others[1]].astype(np.int64) if others[1:] else np.zeros(len(rows), np.int64)
    outside = [zero] if of[2] == "conv_transpose2d" else [field["value"]] * any(field["pads"])
    (codes, giver), (word, _) = (codes_of(values, x, clamped) for clamped in (True, False))
    known, typed = ({code - zero for code in each + outside} for each in (codes, word))
    words = codes_of(values, others[0], clamped=False)[0] if others else [1]
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
        "fits": [max(each["bits"]) <= field["bits"] for each in (final, every)],
    }
    # fmt: on


def check(certificate: Any, model: str) -> None:
    """Raise ValueError unless all that the certificate says of sums follows from the model."""
    text, values, arrays = read_model(model)
    sums = [_claims(values, arrays, *v) for v in values.values() if "accumulator(" in v[5]]
    if (hashlib.sha256(text).hexdigest(), sums) != (certificate["graph"], certificate["sums"]):
        raise ValueError("the certificate says what doesn't follow from the model")


if __name__ == "__main__":
    check(json.loads(open(sys.argv[1]).read()), sys.argv[2])
