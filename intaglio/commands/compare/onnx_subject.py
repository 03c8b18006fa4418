# SPDX-License-Identifier: Apache-2.0
"""ONNX models in steps: ONNX Runtime fuses what stands between two tensors of codes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import onnx_ir as ir
from onnx_ir.convenience import extract

from intaglio.commands.compare.subject import CutSubject, Step, Tensors
from intaglio.commands.models import LoweringOptions, import_file, load_onnx
from intaglio.commands.peers.running import Job, WholeModel
from intaglio.compiler.ir.graph import Graph
from intaglio.frontends.onnx import import_onnx

_SCALE_OF_QGEMM = 7
"""The operand that says the scale of its codes; without it QGemm returns reals."""
_BORDERS = frozenset({"QuantizeLinear", "DequantizeLinear", "Constant"})


@dataclass(frozen=True)
class OnnxSubject(CutSubject):
    """A QDQ or QOperator model; a step ends where codes are written."""

    model: ir.Model

    @staticmethod
    def open(path: Path, options: LoweringOptions) -> "OnnxSubject":
        """Read the model and find its steps.

        Raises:
            InvalidFile: the file is no model, or a float one.
            UnsupportedModel: parts of the model have no integer form.
        """
        graph = import_file(path, options)
        model = load_onnx(path, options.shapes)
        return OnnxSubject(path.name, path.read_bytes(), graph, model)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Between two tensors of codes."""
        return self._steps

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        return tuple(_steps(self.model.graph))

    def step_graph(self, step: Step, operands: Tensors) -> Graph:
        """The nodes between its operands and its result, read as a model of their own."""
        shapes = {name: operands[name].shape for name in step.operands}
        return import_onnx(self._cut(step), step.results[0], shapes=shapes)

    def step_job(self, step: Step, runs: Sequence[Tensors]) -> Job:
        """The same nodes as a model for the runtime."""
        content = ir.to_proto(self._cut(step)).SerializeToString()
        feeds = [[tensors[name] for name in step.operands] for tensors in runs]
        return Job(step.results[0], WholeModel(content), feeds)

    def _cut(self, step: Step) -> ir.Model:
        graph = extract(self.model.graph, step.operands, step.results)
        return ir.Model(graph, ir_version=self.model.ir_version)


def _steps(graph: ir.Graph) -> Iterator[Step]:
    """A step for each live tensor of codes and for each output, in the file's order."""
    live, constant = _live(graph), _constant(graph)
    outputs = set(graph.outputs)
    for node in graph:
        if node not in live:
            continue
        for value in node.outputs:
            if value in constant or not (value in outputs or _writes_codes(node)):
                continue
            inside, operands = _between(value, constant)
            ops = [each for each in inside if each.op_type not in _BORDERS]
            yield Step(
                (value.name or "",),
                tuple(operand.name or "" for operand in operands),
                " + ".join(each.op_type for each in ops) or node.op_type,
                f"node {named}" if (named := (ops or [node])[0].name) else "",
            )


def _writes_codes(node: ir.Node) -> bool:
    if node.op_type == "QGemm":
        scale = node.inputs[_SCALE_OF_QGEMM : _SCALE_OF_QGEMM + 1]
        return bool(scale) and scale[0] is not None
    return node.op_type == "QuantizeLinear" or node.op_type.startswith("QLinear")


def _between(value: ir.Value, constant: set[ir.Value]) -> tuple[list[ir.Node], list[ir.Value]]:
    """The nodes behind the last tensors of codes in the file's order, and those tensors."""
    inside, operands = dict[ir.Node, None](), dict[ir.Value, None]()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        node = current.producer()
        if current in constant:
            continue
        if node is None or (_writes_codes(node) and current is not value):
            operands[current] = None
        elif node not in inside:
            inside[node] = None
            waiting += [operand for operand in reversed(node.inputs) if operand is not None]
    return list(reversed(inside)), list(operands)


def _constant(graph: ir.Graph) -> set[ir.Value]:
    """The values that don't depend on an input."""
    constant = set(graph.initializers.values())
    for node in graph:
        if all(value is None or value in constant for value in node.inputs):
            constant.update(node.outputs)
    return constant


def _live(graph: ir.Graph) -> set[ir.Node]:
    """The nodes that an output depends on."""
    live = set[ir.Node]()
    waiting = [value.producer() for value in graph.outputs]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in live:
            live.add(node)
            waiting += [value.producer() for value in node.inputs if value is not None]
    return live
