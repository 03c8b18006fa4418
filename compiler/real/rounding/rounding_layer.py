# SPDX-License-Identifier: Apache-2.0
"""A layer whose weights can be rounded by what it computes, and the best rounding of them."""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import (
    Names,
    constant,
    float_constant,
    write_float_input,
)
from intaglio.compiler.real.linear import read_linear, write_linear
from intaglio.compiler.real.parameters import (
    MINIMUM_SCALE,
    QuantizationParameters,
    parameters_for,
    raise_scales_for_bias,
)
from intaglio.compiler.real.quantization.plan import QuantizationPlan, operand
from intaglio.compiler.real.roles import weight_input
from intaglio.compiler.real.rounding.layer_moments import LayerMoments
from intaglio.compiler.real.rounding.rounding_search import (
    SMALL,
    Quadratic,
    Rounding,
    better,
    search,
)

Reals = NDArray[np.float64]

# Of the scale that covers the weights that are wanted.
_FACTORS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
_FACTORS_OF_SMALL_LAYERS = tuple(np.linspace(1.0, 0.4, 25).tolist())
_POWERS = (1.0, 0.5, 0.25)

# A bias may grow by this when weights are rounded before its codes would leave their range.
_BIAS_MARGIN = 1.125


@dataclass(frozen=True, slots=True, eq=False)
class RoundingLayer:
    """A Conv or Gemm, or a MatMul by a constant matrix, whose weights become codes.

    Attributes:
        node: the node.
        weight: ``[G, R, n]``: groups, outputs of each, inputs of each by taps.
        bias: ``[G * R]``; None for a MatMul, which has none.
        parameters: of the weights.
        data: of what the node reads; None where that stays in float.
    """

    node: ir.Node
    weight: Reals
    bias: Reals | None
    parameters: QuantizationParameters
    data: QuantizationParameters | None

    @property
    def jointly(self) -> bool:
        """Whether all outputs share one scale."""
        return self.parameters.axis is None

    def nearest(self) -> Rounding:
        """As the plan has it: its scales, the nearest codes."""
        encoding = self.parameters.encoding
        scales, zero_points = (
            self._spread(numbers)
            for numbers in (self.parameters.scales, self.parameters.zero_points)
        )
        grid = Rounding(self.weight, scales, zero_points, encoding.minimum, encoding.maximum)
        return grid.nearest(self.weight, scales)

    def _spread(self, numbers: tuple[float, ...] | tuple[int, ...]) -> Reals:
        """One number for each output, ``[G, R, 1]``."""
        outputs = self.weight.shape[:2]
        array = np.array(numbers, dtype=np.float64)
        return np.broadcast_to(array if array.size == 1 else array.reshape(outputs), outputs)[
            ..., None
        ]


def rounding_layer(node: ir.Node, plan: QuantizationPlan) -> RoundingLayer | str | None:
    """The layer, why its weights can't be learned, or None where ``plan`` rounds no weights."""
    found = weight_input(node)
    if found is None or node.op_type == "PRelu":
        return None
    index, value = found
    parameters, stored = plan.constants.get(operand(node, index)), float_constant(value)
    if parameters is None or stored is None:
        return None
    if len(value.uses()) > 1:
        return "other nodes read its weights too"
    source = node.inputs[0]
    if index > 0 and constant(source) is not None:
        return "what it reads is constant"
    data = plan.activations.get("" if source is None else source.name or "")
    if node.op_type == "MatMul":
        if index != 1 or stored.ndim != 2:
            return "its constant is no matrix on the right"
        return RoundingLayer(node, stored.T[None], None, parameters, data)
    linear = read_linear(node)
    if linear is None or node.op_type == "ConvTranspose":
        return "it isn't known how to learn for this kind of node"
    weight = linear.weight.reshape(linear.groups, linear.outputs // linear.groups, -1)
    return RoundingLayer(node, weight, linear.bias, parameters, data)


def least_squares(layer: RoundingLayer, moments: LayerMoments, damping: float) -> Quadratic:
    """The quadratic form of the layer's error, and the weights where it is least.

    With H = E[x x^T] + l I and l = damping * mean diagonal of E[x x^T] * (1 + n / positions):

    target = (E[y x^T] + l W) H^-1

    which is what minimizes E|y - w x|^2 + l |w - W|^2: the weights make up for what the rounding
    of earlier layers did to x, and stay near the old ones where the data doesn't tell.
    """
    inputs = moments.inputs.shape[-1]
    level = np.einsum("gii->g", moments.inputs) / inputs
    ridge = damping * level * (1 + inputs / moments.positions)
    ridge = np.where(ridge > 0, ridge, 1.0)[:, None, None]
    metric = moments.inputs + ridge * np.eye(inputs)
    wanted = moments.cross + ridge * layer.weight.transpose(0, 2, 1)
    target: Reals = np.linalg.solve(metric, wanted).transpose(0, 2, 1).astype(np.float64)
    return Quadratic(target, metric)


def learn_layer(
    layer: RoundingLayer,
    moments: LayerMoments,
    *,
    damping: float,
    scales: bool,
    bias_bits: int,
) -> Rounding:
    """Codes and scales of little error; for no output of more error than the nearest ones."""
    nearest = layer.nearest()
    form = least_squares(layer, moments, damping)
    floor = _floor(layer, bias_bits)
    if not scales:
        found = search(nearest, form, (1.0,), floor, jointly=layer.jointly, fit=False)
        return better(nearest, found, moments.error, jointly=layer.jointly)
    start, powers = _covering(layer, form.target), layer.parameters.encoding.power_of_two
    factors = _FACTORS_OF_SMALL_LAYERS if form.target.shape[-1] <= SMALL else _FACTORS
    factors = _POWERS if powers else factors
    found = search(start, form, factors, floor, jointly=layer.jointly, fit=not powers)
    return better(nearest, found, moments.error, jointly=layer.jointly)


def store(
    layer: RoundingLayer,
    rounding: Rounding,
    bias: Reals | None,
    graph: ir.Graph,
    names: Names,
    bias_bits: int,
) -> QuantizationParameters:
    """Write the weights that the codes stand for, and the bias; return the weights' parameters.

    The scale of an output whose new bias needs it is raised, and its weights rounded again.
    """
    node, old = layer.node, layer.parameters
    some = slice(0, 1) if layer.jointly else slice(None)
    parameters = replace(
        old,
        scales=tuple(rounding.scales.ravel()[some].tolist()),
        zero_points=tuple(rounding.zero_points.ravel()[some].astype(int).tolist()),
    )
    if bias is not None and layer.data is not None:
        parameters = raise_scales_for_bias(parameters, layer.data, bias, bias_bits)
    weight = replace(layer, parameters=parameters, weight=rounding.weight).nearest().weight
    rows = weight.reshape(-1, weight.shape[-1])
    linear = read_linear(node)
    if linear is None or bias is None:
        write_float_input(graph, names, node, 1, rows.T, f"{node.outputs[0].name}_weight")
    else:
        write_linear(graph, names, node, rows.reshape(linear.weight.shape), bias)
    return parameters


def _covering(layer: RoundingLayer, target: Reals) -> Rounding:
    """The grid whose codes cover the weights that are wanted."""
    parameters = layer.parameters
    rows = target.reshape(-1, target.shape[-1])
    low, high = rows.min(axis=1), rows.max(axis=1)
    if layer.jointly:
        low, high = low.min(keepdims=True), high.max(keepdims=True)
    covering = parameters_for(low, high, parameters.encoding, parameters.axis)
    return replace(layer, parameters=covering).nearest()


def _floor(layer: RoundingLayer, bias_bits: int) -> Reals:
    """The least scale of each output, ``[G, R, 1]``, at which the codes of its bias end in time."""
    parameters = layer.parameters
    tiny = replace(parameters, scales=(MINIMUM_SCALE,) * len(parameters.scales))
    if layer.bias is not None and layer.data is not None:
        tiny = raise_scales_for_bias(tiny, layer.data, _BIAS_MARGIN * layer.bias, bias_bits)
    return replace(layer, parameters=tiny).nearest().scales
