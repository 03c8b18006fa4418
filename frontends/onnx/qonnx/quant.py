# SPDX-License-Identifier: Apache-2.0
"""Quant (also called IntQuant), BipolarQuant and Trunc.

Source: QONNX 1.0, custom_op/general/intquant.py, bipolar_quant.py and trunc.py.
"""

from math import log2

import numpy as np
import onnx_ir as ir

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.constraints import expects
from intaglio.frontends.onnx.meanings import Quantized, QuantizedConstant, Real, Static, Stepped
from intaglio.frontends.onnx.qonnx.grids import with_codes
from intaglio.frontends.onnx.qonnx.quantizers import (
    Quantizer,
    emit,
    quantize,
    quantized_constant,
    real_constant,
)
from intaglio.frontends.onnx.qonnx.stepping import (
    Origin,
    Steps,
    along,
    number,
    stepped,
)
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import (
    Apply,
    CountReached,
    RoundTo,
    Step,
    StepFunction,
    evaluate,
    real_values,
)
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding

MOST_BITS = 24
"""Longer codes have no float32 of their own."""

MODES = {
    "ROUND": Rounding.HALF_EVEN,
    "HALF_EVEN": Rounding.HALF_EVEN,
    "CEIL": Rounding.CEIL,
    "FLOOR": Rounding.FLOOR,
    "UP": Rounding.AWAY_FROM_ZERO,
    "DOWN": Rounding.TOWARD_ZERO,
    "HALF_UP": Rounding.HALF_AWAY_FROM_ZERO,
    "HALF_DOWN": Rounding.HALF_TOWARD_ZERO,
}
"""What QONNX calls each rounding."""

BIPOLAR: tuple[Step, ...] = (
    CountReached(((Float32(0),),)),
    number(StepFunction.MULTIPLY, 2.0),
    number(StepFunction.SUBTRACT, 1.0),
)
"""r = 1 where r >= 0, else -1."""


def _constant(site: Site, index: int) -> Array | None:
    """A parameter of the node, None where it is computed or left out."""
    found = site.operands[index] if index < len(site.operands) else None
    return found.array if isinstance(found, Static) else None


@expects("constant scale, zero point and bit width")
def constant_parameters(site: Site) -> str | None:
    """Every operand after the first is known."""
    computed = [i + 1 for i in range(1, len(site.operands)) if _constant(site, i) is None]
    return f"its operand {computed[0]} is computed" if computed else None


@expects("one of the rounding modes " + ", ".join(MODES))
def known_rounding(site: Site) -> str | None:
    """The rounding is one of QONNX's."""
    mode = site.text("rounding_mode", "FLOOR" if site.node.op_type == "Trunc" else "ROUND")
    return None if mode.upper() in MODES else f"its rounding_mode is {mode!r}"


@expects(f"a whole number of bits from 1 to {MOST_BITS}")
def whole_bits(site: Site) -> str | None:
    """Widths are whole numbers that float32 codes can have."""
    for index in {"Trunc": (3, len(site.operands) - 1)}.get(site.node.op_type, (3,)):
        array = _constant(site, index)
        if array is None or array.size != 1:
            return "its bit width is not one number"
        bits = float(array.reshape(()))
        if not 1 <= bits <= MOST_BITS or bits != int(bits):
            return f"its bit width is {bits:g}"
    return None


@expects("positive float32 scales")
def positive_scales(site: Site) -> str | None:
    """Scales are finite, positive and of float32."""
    for index in (1, 4) if site.node.op_type == "Trunc" and len(site.operands) == 6 else (1,):
        array = _constant(site, index)
        if array is None or array.dtype != np.float32:
            return "its scale is of another type"
        reals = array.astype(np.float32)
        if not reals.size or not (np.isfinite(reals) & (reals > 0)).all():
            return "its scale isn't positive and finite"
    return None


@expects("one whole zero point of at most 24 bits")
def whole_zero_point(site: Site) -> str | None:
    """A zero point is a code."""
    array = _constant(site, 2)
    if array is None or array.size != 1 or array.dtype.kind not in "iuf":
        return "its zero point is not one number"
    value = float(array.reshape(()))
    return None if abs(value) <= 2**24 and value == int(value) else f"its zero point is {value:g}"


QUANT = (constant_parameters, known_rounding, positive_scales, whole_zero_point, whole_bits)
BIPOLAR_QUANT = (constant_parameters, positive_scales)


def quant(site: Site) -> Real:
    """Quant: y = round(clamp(x / s + z)), in float32; a signed bit is 1 or -1, by y >= 0."""
    signed, narrow = site.flag("signed", True), site.flag("narrow", True)
    bits, zero_point = int(_number(site, 3)), int(_number(site, 2))
    mode = MODES[site.text("rounding_mode", "ROUND").upper()]
    if bits == 1 and signed:
        codes, end = Interval(-1, 1), BIPOLAR
    else:
        codes = code_range(bits, signed, narrow)
        end = (*clamp(codes), RoundTo(mode))
    return _quantized(site, _offset(site, zero_point), end, codes, zero_point)


def bipolar_quant(site: Site) -> Real:
    """BipolarQuant: the scale where x >= 0, else its negative."""
    return _quantized(site, (), BIPOLAR, Interval(-1, 1), 0, divided=False)


def trunc(site: Site) -> Real:
    """Trunc of version 1 (five operands) or 2 (six): codes without their lowest bits.

    q = half_even(x / s + z); version 1: y = round(q / 2**(bits - bits left)), real = (y - z) * s;
    version 2: y = round(clamp(q / 2**k)) with 2**k about the ratio of the scales, real = (y -
    z / 2**k) * s_out.
    """
    site = with_codes(site, 0)
    value = site.operand(0)
    if not isinstance(value, Quantized):
        raise Refusal("truncates what isn't quantized; put a Quant in front")
    zero_point, mode = int(_number(site, 2)), site.text("rounding_mode", "FLOOR").upper()
    scale, axis = along(site.static(1), value.shape, "its scale")
    if axis is not None:
        raise Refusal("has a scale for each channel; one scale is expected")
    head = (Apply(StepFunction.DIVIDE, scale), *_offset(site, zero_point))
    head = (*head, RoundTo(Rounding.HALF_EVEN))
    left = int(_number(site, len(site.operands) - 1))
    if len(site.operands) == 5:
        dropped = int(_number(site, 3)) - left
        if dropped < 0:
            raise Refusal(f"keeps {left} of {left + dropped} bits; no more than there are expected")
        shift = number(StepFunction.DIVIDE, float(2**dropped))
        steps = (*head, shift, RoundTo(MODES[mode]))
        return _truncated(site, value, steps, scale[0], zero_point, None)
    return _truncated_to_scale(site, value, head, scale[0], zero_point, left)


def _truncated_to_scale(
    site: Site,
    value: Quantized,
    head: tuple[Step, ...],
    scale: Float32,
    zero_point: int,
    left: int,
) -> Quantized:
    target = site.static(4)
    if target.size != 1:
        raise Refusal(f"its output scale has the shape {target.shape}; one number is expected")
    output = Float32.from_value(float(target.reshape(())))
    exponent = round(log2(output.value / scale.value))
    if abs(exponent) > MOST_BITS:
        raise Refusal(f"its output scale is {output.value / scale.value:g} times its scale")
    rest = zero_point / 2.0**exponent
    if rest != int(rest):
        raise Refusal(f"its zero point {zero_point} is no whole number in the output's scale")
    codes = code_range(left, site.flag("signed", True), site.flag("narrow"))
    mode = MODES[site.text("rounding_mode", "FLOOR").upper()]
    shift = number(StepFunction.DIVIDE, 2.0**exponent)
    steps = (*head, shift, *clamp(codes), RoundTo(mode))
    return _truncated(site, value, steps, output, int(rest), codes)


def _truncated(
    site: Site,
    value: Quantized,
    steps: tuple[Step, ...],
    scale: Float32,
    zero_point: int,
    codes: Interval | None,
) -> Quantized:
    origin = Origin(site.source, site.name, site.label)
    found = stepped(site.emitter, value, Steps(steps), origin)
    assert isinstance(found, Stepped)
    if codes is None:
        codes = _reach(value, steps)
    element = (codes | Interval(zero_point, zero_point)).smallest_type()
    return emit(site.emitter, found, element, Quantization((scale,), (zero_point,)))


def _reach(value: Quantized, steps: tuple[Step, ...]) -> Interval:
    """The codes that monotone steps make of all codes of a value."""
    own, word = value.type.scaled, value.type.integer
    ends = np.array([word.minimum, word.maximum], np.int64) - own.zero_point
    first = np.zeros(2, np.int64)
    reals = real_values(ends, (own.scale.fraction,), first)
    return Interval.hull_of(int(code) for code in evaluate(steps, reals, first))


def code_range(bits: int, signed: bool, narrow: bool) -> Interval:
    """The lowest and the highest code of a width."""
    if signed:
        return Interval(-(1 << (bits - 1)) + narrow, (1 << (bits - 1)) - 1)
    return Interval(0, (1 << bits) - 1 - narrow)


def clamp(codes: Interval) -> tuple[Step, ...]:
    """R within the codes, before it is rounded."""
    return (
        number(StepFunction.MINIMUM, float(codes.high)),
        number(StepFunction.MAXIMUM, float(codes.low)),
    )


def _number(site: Site, index: int) -> float:
    return float(site.static(index).reshape(()))


def _offset(site: Site, zero_point: int) -> tuple[Step, ...]:
    """The addition of the zero point; NumPy adds an array of integers in double."""
    if zero_point == 0:
        return ()
    wide = site.static(2).dtype != np.float32
    function = StepFunction.ADD_IN_DOUBLE if wide else StepFunction.ADD
    return (number(function, float(zero_point)),)


def _quantized(
    site: Site,
    offset: tuple[Step, ...],
    end: tuple[Step, ...],
    codes: Interval,
    zero_point: int,
    *,
    divided: bool = True,
) -> Real:
    """The codes of a constant at once, of what is computed as steps behind it."""
    value = site.operand(0)
    if isinstance(value, QuantizedConstant):
        value = Static(value.name, real_constant(value), ir.DataType.FLOAT)
    shape = value.shape if isinstance(value, Static) else site.real(0).shape
    scales, axis = along(site.static(1), shape, "its scale")
    unit = len(scales) == 1 and scales[0].fraction == 1
    division = (Apply(StepFunction.DIVIDE, scales),) if divided and not unit else ()
    steps = Steps((*division, *offset, *end), axis if division else None)
    element = (codes | Interval(zero_point, zero_point)).smallest_type()
    quantizer = Quantizer(steps, element, Quantization(scales, (zero_point,), axis))
    if isinstance(value, Static):
        return quantized_constant(site.source, value.array, quantizer)
    origin = Origin(site.source, site.name, site.label)
    return quantize(site.emitter, site.real(0), quantizer, origin)
