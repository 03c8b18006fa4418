# SPDX-License-Identifier: Apache-2.0
"""The real graph as a differentiable module of PyTorch."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import onnx_ir as ir
import torch

from intaglio.compiler.real.editing import Names, constant, describe
from intaglio.compiler.real.onnx_runtime import first_line
from intaglio.compiler.synthesis.operators import BUILDERS, Operation, Refusal
from intaglio.compiler.synthesis.operators.operation import Operand, Results
from intaglio.errors import InvalidData, UnsupportedModel


@dataclass(frozen=True, slots=True)
class _Step:
    """One node: what it computes from which values, and which values no later step needs.

    Attributes:
        described: the node, for messages.
        function: of a tensor for each operand.
        operands: names of values and constants; None where an optional one is absent.
        results: a name for each output.
        last_uses: names of values that no later step reads.
    """

    described: str
    function: Callable[..., Results]
    operands: tuple[str | None, ...]
    results: tuple[str, ...]
    last_uses: tuple[str, ...]


class GraphModule(torch.nn.Module):
    """Computes what a float model computes, with gradients to its inputs.

    Weights are buffers: they get no gradient and follow the module with ``.to``.

    Args:
        model: prepared (``prepare``) or normalized; a symbolic batch takes any.

    Raises:
        UnsupportedModel: with one line for each node that can't be computed.
    """

    def __init__(self, model: ir.Model) -> None:
        """Read every node once."""
        super().__init__()
        graph = model.graph
        self.input_names = tuple(_name(value) for value in graph.inputs)
        self.output_names = tuple(_name(value) for value in graph.outputs)
        self._names = Names(graph)
        self._constants: dict[str, str] = {}
        self._steps = self._compile(_operations(model))
        self._values = frozenset(self.input_names).union(*(step.results for step in self._steps))

    def forward(
        self, feeds: Mapping[str, torch.Tensor], watched: Collection[str] = ()
    ) -> dict[str, torch.Tensor]:
        """The outputs of the model and the values watched, by name.

        Args:
            feeds: a tensor for each input of the model, on the module's device.
            watched: names of values inside the model, returned besides the outputs.

        Raises:
            InvalidData: an input is missing or unknown or doesn't fit, or there is no such value.
        """
        self._check(feeds, watched)
        kept = {*self.output_names, *watched}
        values = {name: self.get_buffer(buffer) for name, buffer in self._constants.items()}
        values.update(feeds)
        for step in self._steps:
            tensors = [None if name is None else values[name] for name in step.operands]
            values.update(zip(step.results, _run(step, tensors), strict=True))
            for name in step.last_uses:
                if name not in kept:
                    del values[name]
        return {name: values[name] for name in dict.fromkeys((*self.output_names, *watched))}

    def _compile(self, operations: list[tuple[ir.Node, Operation]]) -> tuple[_Step, ...]:
        steps: list[_Step] = []
        needed: set[str] = set()
        for node, operation in reversed(operations):
            operands = tuple(self._operand(operand) for operand in operation.operands)
            results = tuple(_name(output) for output in node.outputs)
            touched = dict.fromkeys(name for name in (*operands, *results) if name is not None)
            last_uses = tuple(n for n in touched if n not in needed and n not in self._constants)
            needed.update(touched)
            steps.append(_Step(describe(node), operation.function, operands, results, last_uses))
        return tuple(reversed(steps))

    def _operand(self, operand: Operand) -> str | None:
        """The name of what an operand reads; a constant becomes a buffer."""
        if operand is None:
            return None
        if isinstance(operand, ir.Value):
            name, array = _name(operand), constant(operand)
        else:
            name, array = self._names.fresh("constant"), operand
        if array is not None and name not in self._constants:
            self._constants[name] = f"constant_{len(self._constants)}"
            self.register_buffer(self._constants[name], _laid_out(torch.tensor(array)))
        return name

    def _check(self, feeds: Mapping[str, torch.Tensor], watched: Collection[str]) -> None:
        if set(feeds) != set(self.input_names):
            raise InvalidData(
                "the inputs",
                ", ".join(feeds) or "none",
                ", ".join(self.input_names),
                "give one tensor for each input of the model",
            )
        unknown = [name for name in watched if name not in self._values]
        if unknown:
            raise InvalidData(
                "the values to watch",
                ", ".join(unknown),
                "names of values that the model computes",
                "look the names up in the model",
            )


def _operations(model: ir.Model) -> list[tuple[ir.Node, Operation]]:
    operations: list[tuple[ir.Node, Operation]] = []
    problems: list[str] = []
    for node in model.graph:
        build = BUILDERS.get(node.op_type) if node.domain == "" else None
        try:
            if build is None:
                raise Refusal("there is no gradient of this operator")
            operations.append((node, build(node)))
        except Refusal as refusal:
            problems.append(f"{describe(node)}: {refusal}")
    if problems:
        raise UnsupportedModel(
            model.graph.name or "the model",
            problems,
            "Replace these parts, or cut the model before them",
        )
    return operations


def _run(step: _Step, tensors: list[torch.Tensor | None]) -> tuple[torch.Tensor, ...]:
    try:
        results = step.function(*tensors)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError, ValueError) as error:
        shapes = [None if tensor is None else list(tensor.shape) for tensor in tensors]
        raise InvalidData(
            step.described,
            f"operands of the shapes {', '.join(map(str, shapes))} ({first_line(error)})",
            "operands that fit each other",
            "check the model and the shapes of its inputs",
        ) from error
    return (results,) if isinstance(results, torch.Tensor) else results


def _laid_out(constant: torch.Tensor) -> torch.Tensor:
    """Channels last where it is a convolution's weight: activations follow, which is quicker."""
    format = torch.channels_last if constant.ndim == 4 else torch.contiguous_format
    return constant.contiguous(memory_format=format)


def _name(value: ir.Value) -> str:
    return value.name or ""
