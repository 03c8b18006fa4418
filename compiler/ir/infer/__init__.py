# SPDX-License-Identifier: Apache-2.0
"""What an op makes of its operands: how many it takes, and the shape of its result."""

from intaglio.compiler.ir.infer.counts import operand_counts
from intaglio.compiler.ir.infer.mismatch import Mismatch, Shape
from intaglio.compiler.ir.infer.shapes import result_shape

__all__ = ["Mismatch", "Shape", "operand_counts", "result_shape"]
