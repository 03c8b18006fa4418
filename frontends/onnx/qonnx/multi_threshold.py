# SPDX-License-Identifier: Apache-2.0
"""MultiThreshold: how many thresholds a number has reached.

Source: QONNX 1.0, custom_op/general/multithreshold.py.
"""

from fractions import Fraction

import numpy as np

from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.constraints import expects
from intaglio.frontends.onnx.meanings import Real, Shape, Static
from intaglio.frontends.onnx.qonnx.grids import grid_of
from intaglio.frontends.onnx.qonnx.quantizers import Quantizer, quantize
from intaglio.frontends.onnx.qonnx.stepping import Origin, Steps, number
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import CountReached, Step, StepFunction
from intaglio.numerics.intervals import Interval

MOST_THRESHOLDS = 2**16 - 1
_LAYOUTS = {2: "NC", 3: "NWC", 4: "NCHW"}


@expects(f"constant float32 thresholds [channels or 1, up to {MOST_THRESHOLDS}]")
def constant_thresholds(site: Site) -> str | None:
    """Thresholds are a known matrix of finite numbers."""
    found = site.operands[1] if len(site.operands) > 1 else None
    if not isinstance(found, Static):
        return "its thresholds are computed"
    array = found.array
    if array.dtype != np.float32:
        return f"its thresholds are of type {array.dtype}"
    if array.ndim != 2 or not 1 <= array.shape[1] <= MOST_THRESHOLDS or not array.shape[0]:
        return f"its thresholds have the shape {array.shape}"
    return None if np.isfinite(array.astype(np.float32)).all() else "a threshold isn't finite"


@expects("a finite out_scale and out_bias, and an out_scale other than 0")
def finite_output(site: Site) -> str | None:
    """What codes mean is a number."""
    scale, bias = site.number("out_scale", 1.0), site.number("out_bias", 0.0)
    fine = np.isfinite([scale, bias]).all() and scale != 0
    return None if fine else f"its out_scale is {scale} and its out_bias {bias}"


MULTI_THRESHOLD = (constant_thresholds, finite_output)


def multi_threshold(site: Site) -> Real:
    """MultiThreshold: real y = fl32(fl32(out_scale * count) + out_bias)."""
    value = site.real(0)
    rows = site.static(1).astype(np.float32)
    axis = _channel_axis(site, value.shape)
    if rows.shape[0] not in (1, value.shape[axis]):
        raise Refusal(f"has thresholds for {rows.shape[0]} channels of {value.shape[axis]}")
    table = tuple(tuple(Float32.from_value(v) for v in row) for row in np.sort(rows).tolist())
    scale, factor, offset = _codes(site, rows.shape[1])
    steps: list[Step] = [CountReached(table)]
    if factor != 1:
        steps.append(number(StepFunction.MULTIPLY, float(factor)))
    if offset:
        steps.append(number(StepFunction.ADD, float(offset)))
    element = Interval.hull_of([offset, factor * rows.shape[1] + offset, 0]).smallest_type()
    along = Steps(tuple(steps), axis if len(table) > 1 else None)
    origin = Origin(site.source, site.name, site.label)
    return quantize(site.emitter, value, Quantizer(along, element, Quantization((scale,))), origin)


def _channel_axis(site: Site, shape: Shape) -> int:
    layout = site.text("data_layout", "") or _LAYOUTS.get(len(shape), "")
    axis = layout.index("C") if "C" in layout else 1
    if axis >= len(shape):
        raise Refusal(f"counts along axis {axis} of a value of shape {shape}")
    return axis


def _codes(site: Site, most: int) -> tuple[Float32, int, int]:
    """Scale, factor and offset such that each result is exactly scale * (factor * count + offset).

    Raises:
        Refusal: there are none.
    """
    scale = np.float32(site.number("out_scale", 1.0))
    bias = np.float32(site.number("out_bias", 0.0))
    counts = np.arange(most + 1)
    with np.errstate(over="ignore"):
        reals = scale * counts.astype(np.float32) + bias
    if not np.isfinite(reals).all():
        raise Refusal(f"its results overflow with out_scale {scale} and out_bias {bias}")
    candidates: list[Float32] = []
    if scale > 0:
        candidates.append(Float32.from_value(float(scale)))
    grid = grid_of(Fraction(float(real)) for real in reals)
    candidates += [grid] if grid is not None else []
    for unit in candidates:
        size = np.float32(unit.value)
        ratios = np.rint(reals.astype(np.float64) / float(size))
        if not np.abs(ratios).max() <= MOST_THRESHOLDS:
            continue
        codes = ratios.astype(np.int64)
        factor, offset = int(codes[1] - codes[0]), int(codes[0])
        if factor and np.array_equal(codes, factor * counts + offset):
            if np.array_equal(codes.astype(np.float32) * size, reals):
                return unit, factor, offset
    raise Refusal(
        f"its results, with out_scale {scale} and out_bias {bias}, are no multiples of one scale; "
        "an out_bias that is a multiple of out_scale is expected"
    )
