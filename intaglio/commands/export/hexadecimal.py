# SPDX-License-Identifier: Apache-2.0
"""Write an export as a folder of files that Verilog's ``$readmemh`` reads."""

import json
from collections.abc import Iterator
from pathlib import Path

from intaglio.commands.export.tensors import ExportedGraph, ExportedTensor


def write_hexadecimal(exported: ExportedGraph, folder: Path) -> None:
    """Write a ``.hex`` file for each array, and ``index.json``, into an existing folder.

    A line holds one value in row-major order: two's complement of the array's true width in
    ``ceil(width / 4)`` digits, spare high bits zero.  Floats are their IEEE-754 bits.
    """
    index = exported.index()
    for entry, tensor in zip(index["arrays"], exported.tensors(), strict=True):
        entry["file"] = f"{tensor.name}.hex"
        file = folder / entry["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="ascii", newline="\n") as lines:
            lines.writelines(f"{line}\n" for line in hexadecimal_lines(tensor))
    text = json.dumps(index, indent=1) + "\n"
    (folder / "index.json").write_text(text, encoding="utf-8", newline="\n")


def hexadecimal_lines(tensor: ExportedTensor) -> Iterator[str]:
    """A line for each element."""
    bits = tensor.element.bits
    digits, mask = -(-bits // 4), (1 << bits) - 1
    array = tensor.array
    if tensor.element.is_float:
        array = array.reshape(-1).view(f"u{bits // 8}")
    for value in array.ravel().tolist():
        yield f"{int(value) & mask:0{digits}x}"
