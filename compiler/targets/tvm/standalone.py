# SPDX-License-Identifier: Apache-2.0
"""An object that needs nothing: what LLVM calls for a processor without an operating system.

Which functions those are is known when the code is: it is compiled, and what is missing is added,
until nothing is.  Helpers of arithmetic are the module's own, so that no library's are in their
way; ``memcpy`` and ``memset`` are weak.
"""

import re
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from intaglio.compiler.targets.tvm.library import tvm
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.compiler.targets.tvm.routines.floats import FLOATS
from intaglio.compiler.targets.tvm.routines.integers import INTEGERS
from intaglio.compiler.targets.tvm.routines.memory import memory
from intaglio.compiler.targets.tvm.undefined_symbols import undefined_symbols
from intaglio.errors import UnsupportedModel

_ZEROS = "declare i32 @llvm.ctlz.i32(i32, i1 immarg)"


def standalone(module: Any, machine: Machine, name: str) -> Any:
    """The LLVM module with all that its object would need from a library.

    Args:
        module: compiled for ``machine``.
        machine: a processor without an operating system, of 32 bits.
        name: of the network, for errors.

    Raises:
        UnsupportedModel: LLVM calls a function that isn't known here.
    """
    with TemporaryDirectory() as folder:
        text, code = Path(folder) / "module.ll", Path(folder) / "module.o"
        module.write_to_file(str(code))
        while missing := undefined_symbols(code):
            module.write_to_file(str(text))
            completed = _completed(text.read_text(encoding="utf-8"), missing, machine, name)
            text.write_text(completed, encoding="utf-8")
            module = tvm.runtime.load_module(str(text))
            module.write_to_file(str(code))
    return module


def _completed(text: str, missing: Collection[str], machine: Machine, name: str) -> str:
    """LLVM text with the functions that are missing."""
    known = {**INTEGERS, **FLOATS, **memory(aligned=machine.triple.startswith("thumbv6m"))}
    unknown = [symbol for symbol in missing if symbol not in known]
    if unknown:
        problem = f"{', '.join(unknown)}: found what {machine.cpu} does by a library alone"
        expected = "expected arithmetic of at most 64 bits, and floats of 32"
        raise UnsupportedModel(
            name, [f"{problem}, {expected}"], "Use narrower operands, or a larger processor"
        )
    declared = re.compile(rf"^declare .*@({'|'.join(map(re.escape, missing))})\(.*\n", re.MULTILINE)
    text = declared.sub("", text)
    text += "\n" + "\n".join(known[symbol](symbol) for symbol in missing)
    needs_zeros = "@llvm.ctlz.i32(" in text and "declare i32 @llvm.ctlz.i32(" not in text
    return f"{text}\n{_ZEROS}\n" if needs_zeros else text
