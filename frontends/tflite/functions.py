# SPDX-License-Identifier: Apache-2.0
"""Functions of one operand, softmax and unit vectors."""

from collections.abc import Mapping

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.scaled import Clip, UnaryFunction
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.frontends.constraints import expects
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.activations import RELU, RELU6, RELU_0_TO_1, RELU_N1_TO_1
from intaglio.frontends.tflite.borders import tail
from intaglio.frontends.tflite.expectations import (
    CODES,
    codes_of,
    constant,
    option,
    real_or_codes,
    result_in,
)
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.values import Computed, Known, Stored
from intaglio.numerics.float32 import Float32

_ONE = Float32.from_value(1.0)


@expects("an alpha that is a finite float32")
def FINITE_ALPHA(site: Site) -> str | None:
    """The slope is a number."""
    alpha = site.number("Alpha")
    return None if np.isfinite(alpha) else f"has the alpha {alpha}"


@expects("a beta that is a positive, finite float32")
def POSITIVE_BETA(site: Site) -> str | None:
    """The factor of the exponent is a number."""
    beta = site.number("Beta")
    return None if np.isfinite(beta) and beta > 0 else f"has the beta {beta}"


UNARY = (codes_of(0, CODES), result_in(CODES))
LEAKY_RELU = (*UNARY, FINITE_ALPHA)
PRELU = (*UNARY, codes_of(1, CODES), constant(1, "slopes"))
UNIT_VECTORS = (*UNARY, option("FusedActivationFunction", 0, "no fused activation"))
SOFTMAX = (real_or_codes(0), POSITIVE_BETA)

_CLIPS: Mapping[str, Clip] = {
    "RELU": RELU,
    "RELU6": RELU6,
    "RELU_0_TO_1": RELU_0_TO_1,
    "RELU_N1_TO_1": RELU_N1_TO_1,
}
_FUNCTIONS: Mapping[str, UnaryFunction] = {
    "EXP": UnaryFunction.EXP,
    "HARD_SWISH": UnaryFunction.HARD_SWISH,
    "LOGISTIC": UnaryFunction.SIGMOID,
    "RSQRT": UnaryFunction.RSQRT,
    "TANH": UnaryFunction.TANH,
}


def relu(site: Site) -> Computed:
    """RELU and its relatives: codes in the result's scale, within bounds."""
    return site.emit(scaled.Requantize(_CLIPS[site.operator.kind]), (site.codes(0),))


def unary(site: Site) -> Computed:
    """LOGISTIC, TANH, HARD_SWISH, EXP and RSQRT."""
    return site.emit(scaled.Unary(_FUNCTIONS[site.operator.kind]), (site.codes(0),))


def elu(site: Site) -> Computed:
    """ELU, whose alpha is 1."""
    return site.emit(scaled.Unary(UnaryFunction.ELU, _ONE), (site.codes(0),))


def gelu(site: Site) -> Computed:
    """GELU, exact or by its approximation with a hyperbolic tangent."""
    approximate = site.flag("Approximate")
    function = UnaryFunction.GELU_TANH if approximate else UnaryFunction.GELU
    return site.emit(scaled.Unary(function), (site.codes(0),))


def leaky_relu(site: Site) -> Computed:
    """LEAKY_RELU."""
    alpha = Float32.from_value(site.number("Alpha"))
    return site.emit(scaled.Unary(UnaryFunction.LEAKY_RELU, alpha), (site.codes(0),))


def prelu(site: Site) -> Computed:
    """PRELU with one slope, or one for each channel."""
    x = site.codes(0)
    return site.emit(scaled.PRelu(), (x, _slopes(site, x)))


def _slopes(site: Site, x: Known) -> Stored:
    slopes = site.codes(1)
    shape = slopes.type.shape
    channels = x.type.shape[-1] if x.type.shape else 1
    by_channel = bool(shape) and shape[-1] == slopes.type.size
    if not isinstance(slopes, Stored) or not by_channel or slopes.type.size not in (1, channels):
        raise Refusal(f"has slopes of shape {list(shape)}; one for each channel is expected")
    count = slopes.type.size
    type = TensorType(slopes.type.element, (count,), slopes.type.quantization)
    return Stored(slopes.array.reshape(count), type, slopes.label)


def l2_normalization(site: Site) -> Computed:
    """L2_NORMALIZATION along the last axis."""
    x = site.codes(0)
    if x.type.rank == 0:
        raise Refusal("has no axis")
    return site.emit(scaled.L2Normalization(x.type.rank - 1), (x,))


def log_softmax(site: Site) -> Computed:
    """LOG_SOFTMAX along the last axis."""
    x = site.codes(0)
    if x.type.rank == 0:
        raise Refusal("has no axis")
    return site.emit(scaled.LogSoftmax(x.type.rank - 1), (x,))


def softmax(site: Site) -> Computed:
    """SOFTMAX along the last axis, of codes or in the float tail."""
    x = site.operand(0)
    if x.type.rank == 0:
        raise Refusal("has no axis")
    axis, beta = x.type.rank - 1, Float32.from_value(site.number("Beta"))
    if x.type.element != FLOAT32:
        return site.emit(scaled.Softmax(axis, beta), (site.codes(0),))
    if beta != _ONE:
        raise Refusal(f"has the beta {beta} in float32; 1 is expected there")
    return tail(site, scaled.Float32Softmax(axis), 1)
