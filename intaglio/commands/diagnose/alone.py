# SPDX-License-Identifier: Apache-2.0
"""The float network with the weights of one layer, or one activation, in codes and nothing else.

The codes are those of the quantized network, dequantized exactly; all else is computed in float32,
so that no other layer's error is in the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from intaglio.commands.diagnose.fidelity import Fidelity, Tally, worst
from intaglio.commands.diagnose.quantized_network import (
    Activation,
    Layer,
    StoredOperand,
    read_quantized,
)
from intaglio.compiler.real.editing import (
    Names,
    add_float_initializer,
    all_values,
    float_constant,
    input_at,
    take_over,
)
from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.compiler.real.roles import CLAMPS


@dataclass(frozen=True, slots=True)
class Alone:
    """What one layer's codes do to a float network.

    Attributes:
        here: to the layer's own output (before its activation function), or to the activation.
        output: to what the network returns; of several outputs to the one that suffers most.
    """

    here: Fidelity
    output: Fidelity


@dataclass(frozen=True, slots=True)
class Experiment:
    """A network that computes one value exactly and by codes, and goes on with the latter.

    Attributes:
        model: the network, which returns both as well.
        exact: the name of the exact value.
        coded: the name of the other.
    """

    model: ir.Model
    exact: str
    coded: str


def float_node(model: ir.Model, layer: Layer) -> ir.Node | None:
    """The node of a float network that ``layer`` stems from, with constants of the same shapes.

    Some tools leave out a clamp that codes perform: the layer then computes the clamp's value.
    """
    found = next((value for value in all_values(model.graph) if value.name == layer.output), None)
    node = None if found is None else found.producer()
    while node is not None and node.op_type != layer.op and node.op_type in CLAMPS:
        source = node.inputs[0]
        node = None if source is None else source.producer()
    if node is None or node.op_type != layer.op:
        return None
    fits = all(_shape(node, operand) == operand.codes.shape for operand in layer.operands)
    return node if fits else None


def _shape(node: ir.Node, operand: StoredOperand) -> tuple[int, ...] | None:
    array = float_constant(input_at(node, operand.index))
    return None if array is None else array.shape


def weights_in_codes(model: ir.Model, layer: Layer) -> Experiment:
    """Compute a layer twice, with its own constants and with those that codes stand for."""
    copy = model.clone()
    node = float_node(copy, layer)
    assert node is not None
    output = node.outputs[0].name or ""
    names = Names(copy.graph)
    twin = ir.Node(
        node.domain,
        node.op_type,
        node.inputs,
        node.attributes.values(),
        num_outputs=len(node.outputs),
        name=names.fresh(f"{layer.node}_coded"),
    )
    for operand in layer.operands:
        constant = add_float_initializer(
            copy.graph, names, f"{output}_{operand.index}", operand.reals
        )
        twin.replace_input_with(operand.index, constant)
    copy.graph.insert_after(node, twin)
    exact, coded = node.outputs[0], twin.outputs[0]
    take_over(exact, coded)
    exact.name = names.fresh(f"{output}_exact")
    exact.type, exact.shape = coded.type, coded.shape
    return Experiment(_returning(copy, exact, coded), exact.name, output)


def activation_in_codes(model: ir.Model, activation: Activation) -> Experiment:
    """Quantize and dequantize one value."""
    plan = QuantizationPlan({activation.name: activation.parameters}, {})
    copy = insert_quantization(model, plan)
    (found,) = read_quantized(copy).activations
    values = {value.name: value for value in all_values(copy.graph)}
    coded = next(iter(values[found.codes].uses())).node.outputs[0]
    return Experiment(_returning(copy, values[found.real], coded), found.real, coded.name or "")


def _returning(model: ir.Model, *values: ir.Value) -> ir.Model:
    for value in values:
        if not value.is_graph_output() and not value.is_graph_input():
            model.graph.outputs.append(value)
    return model


def run_alone(
    experiment: Experiment, batches: Sequence[Feeds], expected: Sequence[dict[str, Array]]
) -> Alone:
    """Run an experiment.

    Args:
        experiment: the network with one thing in codes.
        batches: what it is fed.
        expected: what the float network returns for each of them.
    """
    session = Session(experiment.model, optimize=False)
    here = Tally()
    outputs = {name: Tally() for name in expected[0]}
    for feeds, exact in zip(batches, expected, strict=True):
        found = session.run(feeds)
        fed = experiment.exact in feeds
        here.add((feeds if fed else found)[experiment.exact], found[experiment.coded])
        for name, tally in outputs.items():
            tally.add(exact[name], found[name])
    return Alone(here.fidelity(), worst([tally.fidelity() for tally in outputs.values()]))
