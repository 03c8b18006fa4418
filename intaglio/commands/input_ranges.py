# SPDX-License-Identifier: Apache-2.0
"""What a network's inputs range over, from options instead of data."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from intaglio.commands.data import Preprocessing
from intaglio.commands.data.preprocessing_file import load_preprocessing
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.errors import InvalidOption

_WHITE = 255.0
_MOST = float(np.finfo(np.float32).max)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def parse_input_ranges(texts: Sequence[str]) -> dict[str, Range]:
    """Ranges by input name from ``NAME=LOW,HIGH`` texts.

    >>> parse_input_ranges(["image=-1,1"])
    {'image': Range(minimum=-1.0, maximum=1.0)}

    Raises:
        InvalidOption: a text has another form, exceeds float32, or names an input twice.
    """
    ranges: dict[str, Range] = {}
    for text in texts:
        match = re.fullmatch(rf"(.+)=({_NUMBER}),({_NUMBER})", text)
        low, high = (float(match[2]), float(match[3])) if match else (0.0, 0.0)
        if match is None or match[1] in ranges or not -_MOST <= low < high <= _MOST:
            raise InvalidOption(
                "--input-range",
                text,
                "it doesn't say what one input ranges over",
                "write NAME=LOW,HIGH, such as image=-1,1, once for each input, in float32's range",
            )
        ranges[match[1]] = Range(low, high)
    return ranges


def input_ranges(
    model: ir.Model, given: Mapping[str, Range], preprocessing: str | None
) -> dict[str, Range]:
    """The ranges that are known without data: as given, else what a preprocessing makes of pixels.

    Raises:
        InvalidOption: a range is given for an input that isn't there, there is no such
            preprocessing, or its pixels exceed float32.
        InvalidFile: the preprocessing's file isn't one.
    """
    names = [value.name or "" for value in model.graph.inputs]
    for name in given:
        if name not in names:
            raise InvalidOption(
                "--input-range", name, "the model has no such input", f"it has {', '.join(names)}"
            )
    if preprocessing is None:
        return dict(given)
    pixels = _range_of_pixels(load_preprocessing(preprocessing))
    return {**dict.fromkeys(names, pixels), **given}


def _range_of_pixels(preprocessing: Preprocessing) -> Range:
    """From the darkest channel's black to the brightest one's white, of 8-bit pixels."""
    mean, std = (np.array(values) for values in (preprocessing.mean, preprocessing.std))
    ends = [(pixel / preprocessing.divisor - mean) / std for pixel in (0.0, _WHITE)]
    low, high = float(np.min(ends)), float(np.max(ends))
    if not -_MOST <= low < high <= _MOST:
        raise InvalidOption(
            "--preprocessing",
            f"{low:g},{high:g}",
            "its pixels range beyond float32",
            "correct divisor and std",
        )
    return Range(low, high)
