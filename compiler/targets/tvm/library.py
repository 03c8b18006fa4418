# SPDX-License-Identifier: Apache-2.0
"""The parts of TVM that are used, under one roof: TVM carries no types."""

from importlib import import_module
from typing import Any

Expression = Any
"""A scalar or vector expression of TIR."""

Statement = Any
"""A statement of TIR."""

Buffer = Any
"""A flat array of TIR, in memory that the caller, the stack or the constants hold."""

tvm: Any = import_module("tvm")
ir: Any = import_module("tvm.ir")
tirx: Any = import_module("tvm.tirx")
statements: Any = import_module("tvm.tirx.stmt")
tvm_ffi: Any = import_module("tvm_ffi")
