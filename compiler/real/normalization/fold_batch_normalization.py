# SPDX-License-Identifier: Apache-2.0
"""BatchNormalization becomes part of a neighbouring linear operation, or one of its own."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import (
    Names,
    add_float_initializer,
    add_initializer,
    describe,
    float_attribute,
    float_constant,
    input_at,
    note_folded,
    remove_unused,
    sole_consumer,
    take_over,
)
from intaglio.compiler.real.linear import read_linear, write_linear
from intaglio.compiler.real.statistics import (
    read_channel_statistics,
    write_channel_statistics,
)
from intaglio.errors import UnsupportedModel

Vector = NDArray[np.float64]

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class _Affine:
    """What inference-time BatchNormalization is: y = factor * x + offset, per channel."""

    factor: Vector
    offset: Vector
    mean: Vector
    std: Vector
    source_mean: Vector
    source_std: Vector


def fold_batch_normalization(model: ir.Model) -> ir.Model:
    """Fold every BatchNormalization; the graph's real outputs stay the same but for rounding.

    With k = gamma / sqrt(var + eps) per channel, in float64 and then rounded to float32:

    - after Conv, ConvTranspose or Gemm: W' = k * W and b' = k * (b - mean) + beta;
    - before a Conv without padding, or a Gemm (W' = W * k along the input channels,
      b' = b + sum W * (beta - k * mean)); with padding this is not exact, since the padded zeros
      are not normalized;
    - alone: a depthwise 1x1 Conv, to which a matrix [N, C] becomes [N, C, 1]. So it stays where
      others read the linear operation's output too, where weights are computed by the model, and
      where the folded ones would be beyond float32.

    Its output keeps its name and gets ``intaglio.statistics``: the normal distribution that
    training promised, mean beta and std |gamma| * sqrt(var / (var + eps)) per channel. (Not
    |gamma|: where var < eps the channel is almost constant.) Where a linear operation before it
    keeps its output, that gets what training saw there: mean, and std sqrt(var).

    Source: Ioffe and Szegedy, Batch Normalization (2015), section 3.1, algorithm 2; ONNX operator
    BatchNormalization-15.

    Raises:
        UnsupportedModel: a BatchNormalization in training mode, or with computed parameters, NaN
            or infinite ones, a negative variance, var + eps of zero, or a factor beyond float32.
    """
    model = model.clone()
    names = Names(model.graph)
    nodes = [node for node in model.graph if node.op_type == "BatchNormalization"]
    affines = {node: _affine(node) for node in nodes}
    problems = [f"{describe(node)}: {a}" for node, a in affines.items() if isinstance(a, str)]
    if problems:
        raise UnsupportedModel(
            model.graph.name or "the model", problems, "Export the model for inference"
        )
    for node, affine in affines.items():
        if not isinstance(affine, str):
            _fold(model.graph, names, node, affine)
    remove_unused(model)
    return model


def _affine(node: ir.Node) -> _Affine | str:
    """The affine map, or why there is none."""
    gamma, beta, mean, variance = (float_constant(input_at(node, i)) for i in range(1, 5))
    if gamma is None or beta is None or mean is None or variance is None:
        return "a parameter is computed by the model instead of stored"
    if node.attributes.get_int("training_mode", 0) or len(node.outputs) > 1:
        return "it is in training mode"
    parts = {"scale": gamma, "bias": beta, "mean": mean, "variance": variance}
    for name, vector in parts.items():
        if not np.isfinite(vector).all():
            return f"its {name} is NaN or infinite in {_channels(~np.isfinite(vector))}"
    total = variance + float_attribute(node, "epsilon", 1e-5)
    if not (variance >= 0).all() or not (total > 0).all():
        where = _channels((variance < 0) | (total <= 0))
        return f"a variance is negative, or zero with epsilon zero, in {where}"
    factor = gamma / np.sqrt(total)
    offset = beta - factor * mean
    if not (_fits(factor) and _fits(offset)):
        where = _channels((np.abs(factor) > _LARGEST) | (np.abs(offset) > _LARGEST))
        return f"its factor scale / sqrt(variance + epsilon) is beyond float32 in {where}"
    return _Affine(
        factor=factor,
        offset=offset,
        mean=beta,
        std=np.abs(gamma) * np.sqrt(variance / total),
        source_mean=mean,
        source_std=np.sqrt(variance),
    )


def _channels(wrong: NDArray[np.bool_]) -> str:
    """The first few of them, for a message."""
    indices = np.flatnonzero(wrong).tolist()
    more = f" and {len(indices) - 4} more" if len(indices) > 4 else ""
    return f"channel {', '.join(str(index) for index in indices[:4])}{more}"


def _fits(numbers: Vector) -> bool:
    """Whether float32 holds them."""
    return bool((np.abs(numbers) <= _LARGEST).all())


def _fold(graph: ir.Graph, names: Names, node: ir.Node, affine: _Affine) -> None:
    if _fold_backward(graph, names, node, affine):
        return
    _note_source(node, affine)
    if not _fold_forward(graph, names, node, affine):
        _stand_alone(graph, names, node, affine)


def _fold_backward(graph: ir.Graph, names: Names, node: ir.Node, affine: _Affine) -> bool:
    """Into the linear operation before it."""
    source, result = node.inputs[0], node.outputs[0]
    producer = source.producer() if source is not None else None
    if source is None or producer is None or sole_consumer(source) is not node:
        return False
    linear = read_linear(producer)
    if linear is None or linear.outputs != affine.factor.size:
        return False
    weight = linear.weight * _along(affine.factor, 0, linear.weight.ndim)
    bias = affine.factor * linear.bias + affine.offset
    if not (_fits(weight) and _fits(bias)):
        return False
    write_linear(graph, names, producer, weight, bias)
    note_folded(producer, node)
    take_over(result, source)
    write_channel_statistics(source, affine.mean, affine.std)
    graph.remove(node, safe=True)
    return True


def _note_source(node: ir.Node, affine: _Affine) -> None:
    """What training saw of a linear operation's output, unless that is known already."""
    source = node.inputs[0]
    producer = source.producer() if source is not None else None
    linear = read_linear(producer) if producer is not None else None
    if source is None or linear is None or linear.outputs != affine.factor.size:
        return
    if read_channel_statistics(source) is None:
        write_channel_statistics(source, affine.source_mean, affine.source_std)


def _fold_forward(graph: ir.Graph, names: Names, node: ir.Node, affine: _Affine) -> bool:
    """Into the linear operation after it, if that reads nothing else and pads nothing."""
    source, result = node.inputs[0], node.outputs[0]
    consumer = sole_consumer(result)
    if source is None or consumer is None or consumer.inputs[0] is not result:
        return False
    linear = read_linear(consumer) if _reads_no_padding(consumer) else None
    if linear is None or linear.inputs != affine.factor.size:
        return False
    grouped = (linear.groups, -1, *linear.weight.shape[1:])
    weight = linear.weight.reshape(grouped)
    shape = (linear.groups, 1, linear.weight.shape[1], *[1] * (linear.weight.ndim - 2))
    moved = (weight * affine.offset.reshape(shape)).reshape(linear.outputs, -1).sum(axis=1)
    scaled = (weight * affine.factor.reshape(shape)).reshape(linear.weight.shape)
    if not (_fits(scaled) and _fits(linear.bias + moved)):
        return False
    write_linear(graph, names, consumer, scaled, linear.bias + moved)
    consumer.replace_input_with(0, source)
    graph.remove(node, safe=True)
    return True


def _reads_no_padding(node: ir.Node) -> bool:
    if node.op_type == "Gemm":
        return True
    if node.op_type != "Conv":  # a ConvTranspose's every border pixel misses some taps
        return False
    automatic = node.attributes.get_string("auto_pad", "NOTSET")
    return automatic == "VALID" or (
        automatic == "NOTSET" and not any(node.attributes.get_ints("pads", ()))
    )


def _stand_alone(graph: ir.Graph, names: Names, node: ir.Node, affine: _Affine) -> None:
    """As a depthwise convolution: its weights have a scale for each channel, a Mul's have not."""
    source, result = node.inputs[0], node.outputs[0]
    rank = len(source.shape) if source is not None and source.shape is not None else 0
    kernel = _along(affine.factor, 0, max(rank, 3))
    weight = add_float_initializer(graph, names, f"{result.name}_weight", kernel)
    bias = add_float_initializer(graph, names, f"{result.name}_bias", affine.offset)
    convolution = ir.node("Conv", [source, weight, bias], {"group": affine.factor.size})
    convolution.name = node.name
    nodes = [convolution]
    if rank < 3:
        nodes = _with_a_spatial_axis(graph, names, convolution, f"{result.name}")
    graph.insert_after(node, nodes)
    last = nodes[-1].outputs[0]
    take_over(result, last)
    write_channel_statistics(last, affine.mean, affine.std)
    graph.remove(node, safe=True)


def _with_a_spatial_axis(
    graph: ir.Graph, names: Names, convolution: ir.Node, name: str
) -> list[ir.Node]:
    """The convolution of a matrix ``[N, C]``, as one of ``[N, C, 1]``."""
    axes = add_initializer(graph, names, f"{name}_axes", np.array([2]))
    spread = ir.node("Unsqueeze", [convolution.inputs[0], axes], name=names.fresh(f"{name}_spread"))
    spread.outputs[0].name = names.fresh(f"{name}_source")
    convolution.replace_input_with(0, spread.outputs[0])
    convolution.outputs[0].name = names.fresh(f"{name}_column")
    return [
        spread,
        convolution,
        ir.node("Squeeze", [convolution.outputs[0], axes], name=names.fresh(f"{name}_squeeze")),
    ]


def _along(vector: Vector, axis: int, rank: int) -> Vector:
    """The vector shaped to broadcast along one axis of an array of that rank."""
    return vector.reshape([-1 if i == axis else 1 for i in range(rank)])
