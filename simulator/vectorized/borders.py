# SPDX-License-Identifier: Apache-2.0
"""Where float32 enters and leaves: IEEE-754 operations of NumPy, each rounding once."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import assert_never

import numpy as np

from intaglio.compiler.ir.fixed import Dequantize, Quantize
from intaglio.compiler.ir.graph import Node
from intaglio.errors import InvalidData
from intaglio.numerics.float_codes import to_codes, to_float32
from intaglio.numerics.float_steps import INFINITY, ordered
from intaglio.numerics.intervals import Interval
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.simulator.engine import refuse_nan
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import INT64, OBJECT, Array, centred

NO_INTEGERS = Interval(0, 0)
"""The interval of a float value, which nobody asks for."""


@contextmanager
def finite_results(name: str) -> Generator[None]:
    """Refuse what overflows float32 while the value ``name`` is computed.

    Raises:
        InvalidData: an operation has no finite result.
    """
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
            yield
    except FloatingPointError as error:
        raise InvalidData(
            f"value {name}",
            "a float32 result beyond the largest finite value",
            "a finite value",
            "use scales that keep results finite",
        ) from error


def prepare_quantize(node: Node, op: Quantize) -> Prepared:
    """``Quantize``.

    Raises:
        InvalidData: a reciprocal is needed that float32 can't hold.
    """
    type = node.type.integer
    scaled = _scaling(node, op)

    def compute(arrays: Operands) -> Array:
        refuse_nan(node.name, arrays[0])
        # What overflows float32 saturates, as infinities do.
        with np.errstate(over="ignore", under="ignore"):
            quotients = scaled(arrays[0])
        codes = to_codes(quotients, op.rounding, op.zero_point, type.minimum, type.maximum)
        return codes.astype(type.dtype)

    return Prepared(compute, type.interval)


def prepare_float32_order(node: Node) -> Prepared:
    """``Float32Order``."""

    def compute(arrays: Operands) -> Array:
        refuse_nan(node.name, arrays[0])
        return ordered(arrays[0]).astype(node.type.integer.dtype)

    return Prepared(compute, Interval(-INFINITY, INFINITY))


def _scaling(node: Node, op: Quantize) -> Callable[[Array], Array]:
    scale = np.float32(op.scale.value)
    match op.method:
        case QuantizeMethod.DIVIDE:
            return lambda x: np.asarray(x / scale)
        case QuantizeMethod.MULTIPLY_BY_RECIPROCAL:
            with finite_results(node.name):
                reciprocal = np.float32(1) / scale
            return lambda x: np.asarray(x * reciprocal)
        case _:
            assert_never(op.method)


def prepare_dequantize(node: Node, op: Dequantize, operands: Sequence[Operand]) -> Prepared:
    """``Dequantize``."""
    scale = np.float32(op.scale.value)
    codes = operands[0].interval
    differences = codes - Interval(op.zero_point, op.zero_point)
    wide = max(codes.magnitude, differences.magnitude, abs(op.zero_point)) >= 1 << 63

    def compute(arrays: Operands) -> Array:
        centres = centred(arrays[0], op.zero_point, OBJECT if wide else INT64)
        with finite_results(node.name):
            return np.asarray(to_float32(centres) * scale)

    return Prepared(compute, NO_INTEGERS)
