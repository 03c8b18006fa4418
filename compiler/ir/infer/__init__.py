# SPDX-License-Identifier: Apache-2.0
"""What an op makes of its operands: how many it takes, its result's shape and range."""

from intaglio.compiler.ir.infer.counts import operand_counts
from intaglio.compiler.ir.infer.exact_results import exact_result
from intaglio.compiler.ir.infer.mismatch import Mismatch, Shape
from intaglio.compiler.ir.infer.shapes import result_shape

__all__ = ["Mismatch", "Shape", "exact_result", "operand_counts", "result_shape"]
