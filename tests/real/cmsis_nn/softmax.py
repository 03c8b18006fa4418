# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's softmax of 16-bit codes: TFLite Micro's, whose tables it takes."""

import numpy as np

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.float32 import Float32
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding
from tests.real.cmsis_nn.arithmetic import PROFILE
from tests.real.cmsis_nn.bench import Demand
from tests.real.cmsis_nn.case import INPUTS, OUTPUTS, Case
from tests.real.cmsis_nn.layers import I16


def softmax(case: Case) -> Demand:
    """SOFTMAX; the scale is the one that yields the header's multiplier."""
    numbers = case.numbers
    shape = numbers["NUM_ROWS"], numbers["ROW_SIZE"]
    builder = Builder(case.name, Level.SCALED)
    x = builder.input("input", _type(shape, 1 / 32767))
    result = builder.node("codes", _type(shape, 1 / 32768), scaled.Softmax(axis=1), [x])
    graph = select_arithmetic(builder.finish([result]), PROFILE)
    first = next(op for _, op in graph.nodes_of(fixed.Requantize))
    (requantizer,) = first.requantizers
    multiplier, shift = numbers["INPUT_MULT"], numbers["INPUT_LEFT_SHIFT"]
    stated = DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO)
    assert requantizer.scaling == stated
    feeds = {x: case.array(INPUTS).reshape(shape)}
    return Demand(graph, feeds, case.array(OUTPUTS).reshape(shape))


def _type(shape: tuple[int, ...], scale: float) -> TensorType:
    return TensorType(I16, shape, Quantization((Float32.from_value(float(np.float32(scale))),)))
