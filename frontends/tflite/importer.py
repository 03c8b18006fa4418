# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a .tflite file to the scaled level of the integer IR."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import FLOAT32
from intaglio.compiler.ir.verify import check
from intaglio.errors import (
    InvalidData,
    InvalidFile,
    InvalidGraph,
    InvalidOption,
    UnsupportedModel,
)
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.dispatch import READERS
from intaglio.frontends.tflite.emitter import Emitter
from intaglio.frontends.tflite.model import Shape, StoredModel, StoredOperator, StoredTensor
from intaglio.frontends.tflite.schema import read_model
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.tensors import array_of, checked, type_of
from intaglio.frontends.tflite.values import Computed, Known, Stored, Unknown, Value

_ADVICE = (
    "Convert the model with full integer quantization, "
    "and leave out or replace the operators named above; docs/supported-ops.md lists what is read"
)
_CODES = frozenset({"INT8", "UINT8", "INT16"})


def import_tflite(
    content: bytes,
    name: str,
    batch: int | None = None,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
) -> Graph:
    """Read a quantized TensorFlow Lite model (schema version 3).

    Each operator becomes one scaled op, preceded or followed by moves where layouts differ.  Values
    are called after the file's tensors; a node's source is the tensor that it computes, the last
    node of that source.  Tensors that share a name, or have none, are called ``name#index``.  State
    that the model keeps becomes further inputs and outputs.

    Args:
        content: the bytes of the file.
        name: what to call the graph and the model in messages.
        batch: the extent of the leading axis of inputs where the file leaves it open; None for the
            one that the file notes.
        shapes: the shapes of inputs by name, for other axes that the file leaves open.

    Returns:
        A graph of the scaled level.

    Raises:
        InvalidFile: the file is broken, or holds a float model.
        UnsupportedModel: parts can't be taken; the one message names each of them.
        InvalidOption: ``batch`` isn't positive, or ``shapes`` names what is no input.
    """
    model = read_model(content, name)
    labels = [model.tensors[index].label for index in model.inputs if index >= 0]
    _check_options(labels, batch, shapes or {})
    if not _is_quantized(model):
        raise InvalidFile(
            name,
            "it is a float model: none of its operators computes with quantized values",
            "convert it with full integer quantization",
        )
    reading = _Reading(model, Emitter(Builder(name, Level.SCALED)), batch, shapes or {})
    graph = reading.read()
    if reading.problems or graph is None:
        raise UnsupportedModel(name, reading.problems, _ADVICE)
    try:
        check(graph)
    except InvalidGraph as error:
        raise UnsupportedModel(name, error.violations, _ADVICE) from None
    return graph


def _check_options(
    labels: Sequence[str], batch: int | None, shapes: Mapping[str, Sequence[int | None]]
) -> None:
    if batch is not None and batch < 1:
        raise InvalidOption("--batch", batch, "is not a positive number", "choose 1 or more")
    for stated in shapes:
        if stated not in labels:
            raise InvalidOption(
                "--shape", stated, "is not an input of the model", f"name one of {labels}"
            )


def _is_quantized(model: StoredModel) -> bool:
    """Whether some operator reads or writes codes that are no constant."""
    touched = {
        index
        for operator in model.operators
        for index in (*operator.operands, *operator.results)
        if index >= 0
    }
    tensors = [model.tensors[index] for index in touched]
    return any(
        tensor.kind in _CODES and tensor.quantization is not None and tensor.data is None
        for tensor in tensors
    )


@dataclass
class _Reading:
    """A walk over the operators in the file's order, in which the runtimes run them.

    A refused operator leaves ``Unknown`` behind, so that the walk goes on and finds the others.
    """

    model: StoredModel
    emitter: Emitter
    batch: int | None
    shapes: Mapping[str, Sequence[int | None]]
    values: dict[int, Value] = field(default_factory=dict[int, Value])
    problems: list[str] = field(default_factory=list[str])

    def read(self) -> Graph | None:
        """The graph, or None where there are problems."""
        for index in self.model.inputs:
            self._read_input(index)
        live = _live(self.model)
        for operator in self.model.operators:
            if operator.number in live:
                self._read_operator(operator)
        if not self.model.outputs:
            self.problems.append("the model: it has no outputs")
        outputs = [self._read_output(index) for index in self.model.outputs]
        if self.problems:
            return None
        sources = [self.model.tensors[index].label for index in self.model.outputs]
        for label, state in self.emitter.states.items():
            outputs.append(state.name)
            sources.append(label)
        return self.emitter.builder.finish(outputs, sources)

    def _read_input(self, index: int) -> None:
        if index < 0 or index in self.values:
            self.problems.append("the model: an input is left out, or there twice")
            return
        tensor = self.model.tensors[index]
        try:
            if tensor.data is not None:
                raise Refusal("is a constant as well")
            type = type_of(tensor, self._input_shape(tensor))
            if type.element != FLOAT32 and type.quantization is None:
                raise Refusal(f"holds {tensor.kind} without a scale")
            if type.quantization is not None and not type.quantization.per_tensor:
                raise Refusal("has several scales; use one")
            name = self.emitter.builder.input(tensor.label, type)
            self.values[index] = Computed(name, type, tensor.label, given=True)
        except Refusal as refusal:
            self.problems.append(f"input {tensor.label}: {refusal}")
            self.values[index] = Unknown(tensor.label)

    def _input_shape(self, tensor: StoredTensor) -> Shape:
        stated = self.shapes.get(tensor.label)
        if stated is not None and len(stated) != len(tensor.shape):
            raise Refusal(f"has {len(tensor.shape)} axes, but --shape states {list(stated)}")
        shape = list(tensor.shape)
        for axis, noted in enumerate(tensor.shape):
            wanted = None if stated is None else stated[axis]
            if axis in tensor.open_axes:
                given = wanted if wanted is not None else self.batch if axis == 0 else None
                shape[axis] = noted if given is None else given
            elif wanted not in (None, noted):
                raise Refusal(f"has extent {noted} along axis {axis}, but --shape states {wanted}")
        return checked(tuple(shape))

    def _read_operator(self, operator: StoredOperator) -> None:
        place = self._place(operator)
        try:
            results = self._results(operator)
        except (Refusal, InvalidData) as refusal:
            self.problems.append(f"{place}: {str(refusal).rstrip('.')}")
            results = self._unknown(operator)
        for index, value in zip(operator.results, results, strict=True):
            tensor = self.model.tensors[index]
            if index in self.values or tensor.data is not None:
                self.problems.append(f"{place}: writes {tensor.label}, which has a value already")
            self.values[index] = self._held(place, tensor, value)

    def _results(self, operator: StoredOperator) -> tuple[Value, ...]:
        """What an operator computes.

        Raises:
            Refusal: it can't be taken.
        """
        reader = READERS.get(operator.kind)
        if reader is None:
            raise Refusal("the operator is not supported")
        if -1 in operator.results:
            raise Refusal("leaves out a result")
        operands = [None if index < 0 else self._value(index) for index in operator.operands]
        known: list[Known | None] = []
        for operand in operands:
            if isinstance(operand, Unknown):
                return self._unknown(operator)
            known.append(operand)
        tensors = tuple(self.model.tensors[index] for index in operator.results)
        inner = tuple(self.model.tensors[index] for index in operator.intermediates if index >= 0)
        site = Site(operator, tuple(known), tensors, self.emitter, inner)
        results = reader(site)
        return results if isinstance(results, tuple) else (results,)

    def _held(self, place: str, tensor: StoredTensor, value: Value) -> Value:
        """The value, if it has the shape that the file notes."""
        if isinstance(value, Unknown) or self.batch is not None or self.shapes:
            return value
        noted, found = tensor.shape, value.type.shape
        fits = len(noted) == len(found) and all(
            axis in tensor.open_axes or a == b
            for axis, (a, b) in enumerate(zip(noted, found, strict=True))
        )
        if fits or noted == ():
            return value
        self.problems.append(
            f"{place}: gives {tensor.label} the shape {list(found)}, but the file notes "
            f"{list(noted)}"
        )
        return Unknown(tensor.label)

    def _unknown(self, operator: StoredOperator) -> tuple[Value, ...]:
        return tuple(Unknown(self.model.tensors[index].label) for index in operator.results)

    def _value(self, index: int) -> Value:
        """What a tensor holds.

        Raises:
            Refusal: nothing has been computed, or its constant can't be taken.
        """
        if index not in self.values:
            tensor = self.model.tensors[index]
            if tensor.variable:
                self.values[index] = self._state(tensor)
                return self.values[index]
            if tensor.data is None:
                raise Refusal(
                    f"reads {tensor.label}, which is no input and no constant, before an operator "
                    "computes it"
                )
            array = array_of(tensor)
            self.values[index] = Stored(array, type_of(tensor, tensor.shape), tensor.label)
        return self.values[index]

    def _state(self, tensor: StoredTensor) -> Computed:
        """A variable before the run: an input of the graph."""
        type = type_of(tensor, checked(tensor.shape))
        if type.quantization is None or not type.quantization.per_tensor:
            raise Refusal(f"keeps {tensor.label} without a scale, or with several")
        return Computed(self.emitter.builder.input(tensor.label, type), type, tensor.label)

    def _read_output(self, index: int) -> str:
        if index < 0:
            self.problems.append("the model: an output is left out")
            return ""
        label = self.model.tensors[index].label
        try:
            value = self._value(index)
        except Refusal as refusal:
            self.problems.append(f"output {label}: {refusal}")
            return ""
        match value:
            case Unknown():
                return ""
            case Stored(type=type) if type.quantization is None:
                self.problems.append(f"output {label}: is a constant without a scale")
                return ""
            case Computed() | Stored():
                return self.emitter.name_of(value)

    def _place(self, operator: StoredOperator) -> str:
        labels = [self.model.tensors[index].label for index in operator.results if index >= 0]
        return f"operator {operator.number} ({operator.kind}) of {labels[0] if labels else '?'}"


def _live(model: StoredModel) -> set[int]:
    """The operators that an output depends on."""
    wanted = {index for index in model.outputs if index >= 0}
    live: set[int] = set()
    for operator in reversed(model.operators):
        if wanted.intersection(operator.results):
            live.add(operator.number)
            wanted.update(index for index in operator.operands if index >= 0)
    return live
