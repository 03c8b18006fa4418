# SPDX-License-Identifier: Apache-2.0
"""Every scale and zero point of a quantized network, before a node is touched."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import onnx_ir as ir

from intaglio.compiler.real.editing import float_constant, name_of
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.parameters import (
    Encoding,
    QuantizationParameters,
    bias_parameters,
    maximum_bias,
    parameters_for,
    raise_scales_for_bias,
)
from intaglio.compiler.real.quantization.activation_encodings import activation_encodings
from intaglio.compiler.real.quantization.layer_overrides import override_of, require_layers
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.weight_scales import weight_parameters
from intaglio.compiler.real.ranges.ranges import Range, settle_ranges
from intaglio.compiler.real.roles import (
    MOVES,
    SELECTIONS,
    SUMS,
    bias_input,
    data_inputs,
    rounded_result,
    weight_axis,
    weight_input,
)


@dataclass(frozen=True, slots=True)
class Operand:
    """One input of one node.

    Attributes:
        node: the name of the node's first output.
        index: which input.
    """

    node: str
    index: int


@dataclass(frozen=True, slots=True)
class QuantizationPlan:
    """The codes of everything.

    Attributes:
        activations: parameters of each value that becomes codes, by its name.
        constants: parameters of each constant operand that becomes codes: weights, biases, and
            constants that are treated like activations.
        notes: where weight scales were raised for a bias, on how many channels, how much.
    """

    activations: Mapping[str, QuantizationParameters]
    constants: Mapping[Operand, QuantizationParameters]
    notes: tuple[Note, ...] = ()


def plan_quantization(
    model: ir.Model, ranges: Mapping[str, Range], options: QuantizationOptions
) -> QuantizationPlan:
    """Choose the codes of activations from ``ranges``, and of weights and biases from themselves.

    Weights read by several nodes along the same axis, at the same width, get one set of scales for
    all of them.

    Args:
        model: a normalized model.
        ranges: of activations, by value name.
        options: widths, signs, granularity.

    Raises:
        InvalidData: the range of a value is missing.
        InvalidOption: a layer that shall have other codes isn't there.
    """
    require_layers(options.overrides, model.graph)
    encodings, narrowed = activation_encodings(model, options)
    settled = settle_ranges(
        model, ranges, options.activations, unify=options.unify_scales, encodings=encodings
    )
    activations = {
        name: parameters_for(found.minimum, found.maximum, encodings[name])
        for name, found in settled.items()
    }
    notes = [*narrowed]
    constants = {
        **_like_activations(model.graph, activations, options),
        **_weights_and_biases(model.graph, activations, options, notes),
    }
    return QuantizationPlan(activations, constants, tuple(notes))


def plan_weights(
    model: ir.Model, options: QuantizationOptions
) -> dict[Operand, QuantizationParameters]:
    """The codes of weights alone, before any range of an activation is known.

    They are those of ``plan_quantization``, except where that raises a scale for a large bias.

    Args:
        model: a normalized model.
        options: widths, signs, granularity.
    """
    return _weights_and_biases(model.graph, {}, options, [])


def operand(node: ir.Node, index: int) -> Operand:
    """The key of an input."""
    return Operand(node.outputs[0].name or "", index)


def _like_activations(
    graph: ir.Graph,
    activations: Mapping[str, QuantizationParameters],
    options: QuantizationOptions,
) -> dict[Operand, QuantizationParameters]:
    found: dict[Operand, QuantizationParameters] = {}
    for node in graph:
        for index, value in data_inputs(node):
            array = float_constant(value)
            if array is None:
                continue
            if node.op_type in MOVES or node.op_type in SELECTIONS:
                found[operand(node, index)] = activations[node.outputs[0].name or ""]
            elif options.unify_scales and node.op_type in SUMS:
                found[operand(node, index)] = activations[rounded_result(node).name or ""]
            else:
                found[operand(node, index)] = parameters_for(
                    float(array.min()), float(array.max()), options.activations
                )
    return found


def _weights_and_biases(
    graph: ir.Graph,
    activations: Mapping[str, QuantizationParameters],
    options: QuantizationOptions,
    notes: list[Note],
) -> dict[Operand, QuantizationParameters]:
    weights: dict[tuple[str, int | None, int], QuantizationParameters] = {}
    users: list[tuple[ir.Node, int, tuple[str, int | None, int]]] = []
    for node in graph:
        found = weight_input(node)
        if found is None:
            continue
        index, value = found
        array = float_constant(value)
        assert array is not None
        axis, encoding = _weight_codes(node, index, array.ndim, options)
        key = (value.name or "", axis, encoding.bits)
        base = weights.get(key) or weight_parameters(array, axis, encoding, options.weight_range)
        bias, data = float_constant(bias_input(node)), _data_parameters(node, activations)
        if bias is not None and data is not None:
            raised = raise_scales_for_bias(base, data, bias, options.bias_bits)
            notes += _raised(node, base, raised, maximum_bias(data, options.bias_bits))
            base = raised
        weights[key] = base
        users.append((node, index, key))
    planned: dict[Operand, QuantizationParameters] = {}
    for node, index, key in users:
        planned[operand(node, index)] = weights[key]
        bias, data = float_constant(bias_input(node)), _data_parameters(node, activations)
        if bias is not None and data is not None:
            repeats = bias.size // len(weights[key].scales)
            planned[operand(node, 2)] = bias_parameters(data, weights[key], repeats)
    return planned


def _weight_codes(
    node: ir.Node, index: int, rank: int, options: QuantizationOptions
) -> tuple[int | None, Encoding]:
    """The axis that the scales of a weight differ along, and its codes."""
    own = override_of(options.overrides, node)
    per_channel = options.per_channel if own.per_channel is None else own.per_channel
    bits = options.weight_bits if own.weight_bits is None else own.weight_bits
    axis = weight_axis(node, index, rank) if per_channel else None
    return axis, replace(options.weights, bits=bits)


def _raised(
    node: ir.Node, before: QuantizationParameters, after: QuantizationParameters, largest: int
) -> Iterator[Note]:
    """What the bias of a node did to the scales of its weights."""
    factors = [new / old for old, new in zip(before.scales, after.scales, strict=True)]
    channels = sum(factor > 1 for factor in factors)
    if channels:
        scales = "scale" if len(factors) == 1 else "scales"
        said = f"weight {scales} raised, so that the codes of the bias end at {largest}"
        yield Note(name_of(node), said, {"channels": channels, "largest factor": max(factors)})


def _data_parameters(
    node: ir.Node, activations: Mapping[str, QuantizationParameters]
) -> QuantizationParameters | None:
    source = node.inputs[0]
    return None if source is None else activations.get(source.name or "")
