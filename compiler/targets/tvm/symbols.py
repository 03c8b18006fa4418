# SPDX-License-Identifier: Apache-2.0
"""What linkers see of an object: the functions that callers name, and nothing else.

TVM exports every function, adds two weak conversions of float16 that nothing calls, and describes
all of it to debuggers, who have no source to show.  LLVM's own text form says the same without.

Functions of pointers and integers are called alike whether floats travel in registers or not: that
is said of objects for Cortex-M, so that they link with either kind (Tag_ABI_VFP_args = 3, Addenda
to, and Errata in, the ABI for the Arm Architecture, 3.3.6).
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from intaglio.compiler.targets.tvm.library import tvm
from intaglio.compiler.targets.tvm.soft_floats import only_where_floats_are

_DEFINED = re.compile(r"define [^@]*@([\w.]+)\(")
_THUMB = 'target triple = "thumb'
_ANY_FLOAT_ABI = 'module asm ".eabi_attribute 28, 3"'
_DEBUG_ATTACHMENT = re.compile(r",? !dbg !\d+")


def exporting(module: Any, names: Collection[str]) -> Any:
    """The LLVM module with the functions of these names visible, and all others of its own."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "module.ll"
        module.write_to_file(str(file))
        text = "\n".join(_lines(file.read_text(encoding="utf-8").split("\n"), names))
        file.write_text(only_where_floats_are(text), encoding="utf-8")
        # Parsed, not optimized again: the code stays what it was.
        return tvm.runtime.load_module(str(file))


def _lines(lines: Iterable[str], names: Collection[str]) -> Iterator[str]:
    within_dropped = False
    for line in lines:
        found = _DEFINED.match(line)
        if found and line.startswith("define weak "):
            within_dropped = True
        if within_dropped:
            within_dropped = line != "}"
        elif found and found[1] not in names:
            plain = line.replace("define dllexport ", "define ", 1)
            yield _DEBUG_ATTACHMENT.sub("", plain.replace("define ", "define internal ", 1))
        elif line.startswith(_THUMB):
            yield line
            yield _ANY_FLOAT_ABI
        elif line.startswith("@"):
            # The bytes of a constant may look like anything.
            yield line
        elif not line.lstrip().startswith("#dbg_") and not line.startswith("!llvm.dbg.cu"):
            yield _DEBUG_ATTACHMENT.sub("", line)
