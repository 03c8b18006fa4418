# SPDX-License-Identifier: Apache-2.0
"""QONNX models in steps: qonnx computes, node by node, the float32 that codes stand for."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx

from intaglio.commands.compare.chain import StepProgram
from intaglio.commands.compare.slices import slice_of
from intaglio.commands.compare.subject import Step, Subject, Tensors
from intaglio.commands.peers.running import Result, Tensor
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.onnx_runtime import parse
from intaglio.errors import InvalidFile
from intaglio.frontends.onnx.qonnx.dispatch import DOMAINS
from intaglio.numerics.profile import load_profile

_LAYOUT = ".nchw"
"""Ends the name of a value that stands in the model's layout again."""
_CODES = ".codes"
"""Ends the name of the codes of an input that the model doesn't quantize."""
_PROFILE = "qonnx"


@dataclass(frozen=True)
class QonnxSubject(Subject):
    """A model whose tensors of codes, and whose outputs, are compared."""

    model: onnx.ModelProto

    @staticmethod
    def of(path: Path, graph: Graph) -> "QonnxSubject":
        """Read the file that ``graph`` was made of.

        Raises:
            InvalidFile: no node of it is of QONNX.
        """
        content = path.read_bytes()
        model = parse(content)
        if not any(node.domain in DOMAINS for node in model.graph.node):
            raise InvalidFile(path, "it has no node of QONNX", "compare it with onnxruntime")
        return QonnxSubject(path.name, content, graph, model)

    @cached_property
    def _values(self) -> Mapping[str, str]:
        """The value that holds each tensor, in the file's order."""
        computed = [tensor for node in self.model.graph.node for tensor in node.output if tensor]
        often = Counter(map(_name_of, computed))
        values = dict(zip(self.graph.output_sources, self.graph.outputs, strict=True))
        found: dict[str, str] = {}
        for tensor in computed:
            own = _name_of(tensor)
            restored = f"{own}{_LAYOUT}"
            value = restored if restored in self.graph.definitions else own
            value = values.get(tensor, value)
            if often[own] == 1 and isinstance(self.graph.definitions.get(value), Node):
                found[tensor] = value
        return found

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every node whose result is held by a value of the graph."""
        return self._steps

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        sources = {value: tensor for tensor, value in self._values.items()}
        sources |= {given.name: given.source for given in self.graph.inputs}
        steps: list[Step] = []
        for node in self.model.graph.node:
            results = tuple(tensor for tensor in node.output if tensor in self._values)
            if results:
                part = self._part(results)
                operands = tuple(sources[given.name] for given in part.inputs)
                where = f"node {node.name}" if node.name else ""
                steps.append(Step(results, operands, node.op_type, where))
        return tuple(steps)

    def fitted(self, inputs: Tensors) -> Tensors:
        """An input that the file says to hold codes gets the real of a code: qonnx insists."""
        found = dict(inputs)
        for given in self.inputs:
            codes = f"{given.name}{_CODES}"
            if codes in self.graph.definitions:
                part = lower(slice_of(self.graph, [codes], ()), load_profile(_PROFILE))
                (array,) = StepProgram.of(part).run(inputs)
                found[given.source] = _reals(array, self.graph.type_of(codes))
        return found

    def step_graph(self, step: Step, operands: Tensors) -> Graph:
        """What computes the step's tensors from those before it."""
        graph = self._part(step.results)
        named = {value: tensor for tensor, value in self._values.items()}
        inputs = tuple(
            replace(given, source=named.get(given.name, given.source)) for given in graph.inputs
        )
        return replace(graph, inputs=inputs)

    def returned(self, whole: Result) -> Sequence[Tensor]:
        """The outputs in qonnx; a zero has no sign."""
        return [_unsigned(tensor) for tensor in super().returned(whole)]

    def traced(self, step: Step, whole: Result) -> Sequence[Tensor]:
        """What qonnx has in the step's tensors; a zero has no sign there."""
        return [_unsigned(tensor) for tensor in super().traced(step, whole)]

    def shown(self, tensor: str, array: Array) -> Array:
        """The reals that codes stand for: fl32(fl32(code - zero point) * scale)."""
        type = self.graph.type_of(self._values[tensor])
        return array if isinstance(type.element, FloatType) else _reals(array, type)

    def _part(self, results: Sequence[str]) -> Graph:
        values = self._values
        return slice_of(self.graph, [values[name] for name in results], set(values.values()))


def _name_of(tensor: str) -> str:
    """What a tensor is called in the integer graph, where its name is taken once."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", tensor).strip("_")


def _unsigned(tensor: Tensor) -> Tensor:
    return replace(tensor, values=tuple(map(_unsigned_zero, tensor.values)))


def _unsigned_zero(array: Array) -> Array:
    return np.add(array, np.zeros((), array.dtype))


def _reals(codes: Array, type: TensorType) -> Array:
    own = type.scaled
    scales = np.array([scale.value for scale in own.scales], np.float32)
    zeros = np.array(own.zero_points, np.float32)
    if own.axis is not None:
        along = [1] * type.rank
        along[own.axis] = -1
        scales = scales.reshape(along)
        zeros = zeros.reshape(along) if zeros.size > 1 else zeros
    return _unsigned_zero((codes.astype(np.float32) - zeros) * scales)
