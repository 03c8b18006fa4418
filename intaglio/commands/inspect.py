# SPDX-License-Identifier: Apache-2.0
"""What a model consists of: layers, sizes, accumulators, interface."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from intaglio.commands.models import (
    EXTENSION,
    TFLITE_EXTENSION,
    LoweringOptions,
    import_file,
    is_quantized,
    load_onnx,
    lower_file,
    open_fixed,
)
from intaglio.commands.real_layers import (
    Layer,
    Port,
    real_layers,
    real_parameters,
    real_ports,
)
from intaglio.compiler.analysis.accumulator_bits import AccumulatorBits, accumulator_report
from intaglio.compiler.analysis.contractions import multiply_accumulates, parameters
from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Graph, Input, Level, Node
from intaglio.compiler.ir.text import print_graph
from intaglio.compiler.ir.text.kinds import kind_name
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        name: the model's name.
        level: ``fixed``, ``scaled`` or ``float``.
        profile: the arithmetic of a fixed graph, else empty.
        layers: the nodes in order.
        inputs: the interface.
        outputs: the interface.
        parameters: elements of all constants that nodes read, each counted once.
        text: the graph's text form; None for a float model.
    """

    name: str
    level: str
    profile: str
    layers: tuple[Layer, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: int
    text: str | None

    @property
    def multiply_accumulates(self) -> int:
        """The products of all layers."""
        return sum(layer.multiply_accumulates for layer in self.layers)


def inspect_file(path: Path, options: LoweringOptions, *, as_scaled: bool = False) -> Inspection:
    """Look at an ``.intaglio`` file, a quantized model (lowered first) or a float ONNX one.

    Args:
        path: the file.
        options: how to lower a quantized model.
        as_scaled: look at it before an arithmetic is chosen.

    Raises:
        InvalidFile: the file is no model.
        InvalidOption: an option doesn't fit the file.
        UnsupportedModel: parts of a quantized model have no integer form.
    """
    if path.suffix == EXTENSION:
        if as_scaled:
            raise _unfit("--scaled", path, "it holds the fixed level alone")
        return inspect_graph(open_fixed(path, options))
    # A .tflite file is quantized, or refused.
    model = None if path.suffix == TFLITE_EXTENSION else load_onnx(path, options.shapes)
    if model is None or is_quantized(model):
        graph = import_file(path, options) if as_scaled else lower_file(path, options)
        return inspect_graph(graph)
    if as_scaled or options.profile is not None or options.batch is not None:
        option = "--scaled" if as_scaled else "--profile" if options.profile else "--batch"
        raise _unfit(option, path, "it is a float model")
    inputs, outputs = real_ports(model)
    layers = real_layers(model)
    return Inspection(path.stem, "float", "", layers, inputs, outputs, real_parameters(model), None)


def inspect_graph(graph: Graph) -> Inspection:
    """Look at a graph of either level."""
    bits: Mapping[str, AccumulatorBits] = (
        {each.name: each for each in accumulator_report(graph)}
        if graph.level is Level.FIXED
        else {}
    )
    return Inspection(
        name=graph.name,
        level=graph.level.value,
        profile=graph.profile,
        layers=tuple(_layer(graph, node, bits.get(node.name)) for node in graph.nodes),
        inputs=tuple(_input(graph, given) for given in graph.inputs),
        outputs=_outputs(graph),
        parameters=sum(constant.array.size for constant in graph.constants),
        text=print_graph(graph),
    )


def _layer(graph: Graph, node: Node, bits: AccumulatorBits | None) -> Layer:
    return Layer(
        name=node.name,
        source=node.source,
        op=kind_name(type(node.op)),
        shape=node.type.shape,
        parameters=parameters(graph, node),
        multiply_accumulates=multiply_accumulates(graph, node),
        declared_bits=None if bits is None else bits.declared_bits,
        needed_bits=None if bits is None else bits.any_order_bits,
        final_bits=None if bits is None else bits.final_bits,
    )


def _input(graph: Graph, given: Input) -> Port:
    """What the caller gives, and the codes it becomes where the first thing done is to quantize."""
    port = _port(given.source or given.name, given.type)
    users = graph.users.get(given.name, ())
    if len(users) != 1:
        return port
    (user,) = users
    match user.op:
        case fixed.Quantize(scale=scale, zero_point=zero_point):
            return replace(
                port,
                code_type=str(user.type.element),
                scale=scale.value,
                zero_point=zero_point,
            )
        case scaled.Quantize():
            return replace(_with_codes(port, user.type), type=str(given.type.element))
        case _:
            return port


def _outputs(graph: Graph) -> tuple[Port, ...]:
    sources = graph.output_sources or graph.outputs
    quantizations = graph.output_quantizations or [None] * len(graph.outputs)
    ports: list[Port] = []
    for name, stated, source in zip(graph.outputs, quantizations, sources, strict=True):
        value = graph.definitions[name]
        type = value.type if stated is None else replace(value.type, quantization=stated)
        port = _port(source, type)
        if isinstance(value, Node):
            operand = graph.type_of(value.operands[0]) if value.operands else value.type
            match value.op:
                case fixed.Dequantize(scale=scale, zero_point=zero_point):
                    port = replace(
                        port,
                        code_type=str(operand.element),
                        scale=scale.value,
                        zero_point=zero_point,
                    )
                case scaled.Dequantize():
                    port = _with_codes(port, operand)
                case _:
                    pass
        ports.append(port)
    return tuple(ports)


def _port(name: str, type: TensorType) -> Port:
    port = Port(name, str(type.element), type.shape)
    return port if isinstance(type.element, FloatType) else _with_codes(port, type)


def _with_codes(port: Port, type: TensorType) -> Port:
    """The codes of ``type``; their scale where one serves the whole tensor."""
    quantization = type.quantization
    if quantization is None or not quantization.per_tensor:
        return replace(port, code_type=str(type.element))
    return replace(
        port,
        code_type=str(type.element),
        scale=quantization.scale.value,
        zero_point=quantization.zero_point,
    )


def _unfit(option: str, path: Path, found: str) -> InvalidOption:
    return InvalidOption(option, "(given)", f"{path}: {found}", "leave the option out")
