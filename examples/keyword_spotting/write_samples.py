# SPDX-License-Identifier: Apache-2.0
"""Write samples of an .npz file as constant arrays of C, in the codes that the network takes."""

import argparse
import json
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DTYPES = {"i8": "int8", "u8": "uint8"}


def main() -> None:
    """Read the samples, and the manifest of the network; write the header."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path, help="an .npz with samples, then their classes")
    parser.add_argument("manifest", type=Path, help="the .json beside the object")
    parser.add_argument("output", type=Path, help="the header to write")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--labels", nargs="+", required=True, help="the names of the classes")
    arguments = parser.parse_args()
    manifest = json.loads(arguments.manifest.read_text(encoding="utf-8"))
    with np.load(arguments.samples, allow_pickle=False) as data:
        samples, classes = (data[key][: arguments.count] for key in data.files)
    (given,), (found,) = manifest["inputs"], manifest["outputs"]
    lines = header(coded(samples, given), classes, found, arguments.labels)
    arguments.output.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def coded(samples: npt.NDArray[Any], port: dict[str, Any]) -> npt.NDArray[Any]:
    """The samples as codes: those that are codes already as they are, floats quantized."""
    dtype: np.dtype[Any] = np.dtype(DTYPES[port["type"]])
    if samples.dtype == dtype:
        return samples
    # What QuantizeLinear does: divide in float32, round half to even, saturate.
    codes = np.rint(samples / np.float32(port["scale"])) + port["zero_point"]
    bounds = np.iinfo(dtype)
    clipped: npt.NDArray[Any] = np.clip(codes, bounds.min, bounds.max)
    return clipped.astype(dtype)


def header(
    codes: npt.NDArray[Any], classes: npt.NDArray[Any], output: dict[str, Any], names: Sequence[str]
) -> Iterator[str]:
    """The lines of ``samples.h``."""
    rows = codes.reshape(len(codes), -1)
    quoted = ", ".join(f'"{name}"' for name in names)
    yield "#include <stdint.h>"
    yield f"typedef {DTYPES[output['type']]}_t output_type;"
    yield f"#define OUTPUT_SIZE {prod(output['shape'])}"
    yield f"#define SAMPLES {len(rows)}"
    yield f"static const char *const class_names[] = {{{quoted}}};"
    yield f"static const uint8_t classes[] = {{{', '.join(map(str, classes.tolist()))}}};"
    yield f"static const {codes.dtype}_t samples[][{rows.shape[1]}] = {{"
    for row in rows.tolist():
        yield f"    {{{', '.join(map(str, row))}}},"
    yield "};"


if __name__ == "__main__":
    main()
