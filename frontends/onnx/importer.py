# SPDX-License-Identifier: Apache-2.0
"""From a QDQ model to the scaled level of the integer IR."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import InvalidData, InvalidOption, UnsupportedModel
from intaglio.frontends.onnx.borders import stand_in_quantization
from intaglio.frontends.onnx.dispatch import CONSTANT_OPS, DOMAINS, HINTS, WITH_QONNX
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.folding import fold
from intaglio.frontends.onnx.inputs import Extents, initializer, read_input
from intaglio.frontends.onnx.labels import label, operation
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Computed,
    FloatInput,
    Meaning,
    Moved,
    Quantized,
    Unknown,
)
from intaglio.frontends.onnx.outputs import finish
from intaglio.frontends.onnx.qonnx.datatypes import annotated, read_codes
from intaglio.frontends.onnx.qonnx.dispatch import DOMAINS as QONNX_DOMAINS
from intaglio.frontends.onnx.qonnx.dispatch import OLDEST_OPSET as OLDEST_QONNX_OPSET
from intaglio.frontends.onnx.qonnx.tails import float_tail
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal

OLDEST_OPSET, NEWEST_OPSET = 10, 28

_ADVICE = (
    "Quantize the result of every op with QuantizeLinear and DequantizeLinear, "
    "and leave out or replace the ops named above; docs/supported-ops.md lists what is read"
)


_QONNX_ADVICE = "Put a Quant where codes are meant, and leave out or replace the ops named above"


def import_onnx(
    model: ir.Model,
    name: str,
    batch: int = 1,
    shapes: Mapping[str, Sequence[int]] | None = None,
    datatypes: Mapping[str, str] | None = None,
) -> Graph:
    """Read a model quantized with QuantizeLinear and DequantizeLinear nodes (opset 10 to 28).

    Nodes of QONNX (Quant, BipolarQuant, Trunc, MultiThreshold) may say where codes are instead
    (opset 9 to 28).

    Each op together with the DequantizeLinear nodes in front of it, a Relu, Clip, Min or Max behind
    it and the QuantizeLinear that follows becomes one scaled op.  Rearrangements become moves of
    codes.  The interface keeps its order, names and layout; convolutions, pools and resizing are in
    NHWC between explicit transposes.

    Args:
        model: what ``onnx_ir`` loaded; it is not changed.
        name: what to call the graph and the model in messages.
        batch: the extent of a symbolic leading dimension of an input.
        shapes: the full shape of inputs with further symbolic dimensions, by name.
        datatypes: what float inputs of a QONNX model hold that it doesn't quantize, by name, such
            as ``FIXED<16,6>``; else what the file notes.

    Returns:
        A graph of the scaled level.

    Raises:
        UnsupportedModel: parts can't be taken; the one message names each of them.
        InvalidOption: the batch isn't positive, or ``shapes`` or ``datatypes`` name what is
            no input.
    """
    shapes, datatypes = shapes or {}, datatypes or {}
    _check_options(model, batch, {"--shape": shapes, "--datatype": datatypes})
    reading = _Reading(
        emitter=Emitter(Builder(name, Level.SCALED)),
        extents=Extents(batch, shapes),
        opset=model.opset_imports.get("", 0),
        datatypes=datatypes,
        qonnx=speaks_qonnx(model),
    )
    outputs = reading.read(model)
    if reading.problems:
        advice = _QONNX_ADVICE if reading.qonnx else _ADVICE
        raise UnsupportedModel(name, reading.problems, advice)
    sources = [value.name or "" for value in model.graph.outputs]
    return reading.emitter.builder.finish(outputs, sources)


def speaks_qonnx(model: ir.Model) -> bool:
    """Whether a node of the model is one of QONNX's."""
    return any(node.domain in QONNX_DOMAINS for node in model.graph)


def _check_options(model: ir.Model, batch: int, stated: Mapping[str, Mapping[str, object]]) -> None:
    if batch < 1:
        raise InvalidOption("--batch", batch, "is not a positive number", "choose 1 or more")
    names = [value.name for value in model.graph.inputs]
    for option, inputs in stated.items():
        for name in inputs:
            if name not in names:
                found = "is not an input of the model"
                raise InvalidOption(option, name, found, f"name one of {names}")


@dataclass
class _Reading:
    """A walk over the model in the file's order, which is topological.

    A refused node leaves an ``Unknown`` behind, so that the walk goes on and finds the others.
    """

    emitter: Emitter
    extents: Extents
    opset: int
    datatypes: Mapping[str, str]
    qonnx: bool
    values: dict[ir.Value, Meaning] = field(default_factory=dict[ir.Value, Meaning])
    problems: list[str] = field(default_factory=list[str])

    def read(self, model: ir.Model) -> list[str]:
        """Read everything that the outputs depend on; the outputs' names in the graph."""
        oldest = OLDEST_QONNX_OPSET if self.qonnx else OLDEST_OPSET
        if not oldest <= self.opset <= NEWEST_OPSET:
            self.problems.append(
                f"the model: it is of opset {self.opset}; {oldest} to {NEWEST_OPSET} are supported"
            )
            return []
        graph = model.graph
        if not graph.outputs:
            self.problems.append("the model: it has no output")
        given = [*graph.initializers.values()]
        given += [value for value in graph.inputs if value.name not in graph.initializers]
        for value in given:
            self._read_given(value)
        live = _live_nodes(graph)
        for node in graph:
            if node in live:
                self._read_node(node)
        return [self._finish(value) for value in graph.outputs]

    def _read_given(self, value: ir.Value) -> None:
        """An initializer or an input."""
        try:
            known = initializer(value)
            found = known or read_input(self.emitter, value, self.extents, self.opset)
            self.values[value] = self._with_datatype(value, found)
        except Refusal as refusal:
            self.problems.append(f"input {value.name}: {refusal}")
            self.values[value] = Unknown(self.extents.noted(value))

    def _with_datatype(self, value: ir.Value, found: Meaning) -> Meaning:
        """A float input as the codes that it is said to hold."""
        if not self.qonnx or not isinstance(found, FloatInput):
            return found
        name = self.datatypes.get(value.name or "") or annotated(value)
        return read_codes(self.emitter, found, name) if name else found

    def _read_node(self, node: ir.Node) -> None:
        operands = tuple(None if v is None else self._meaning(v) for v in node.inputs)
        site = Site(node, operands, self.emitter, self.opset)
        try:
            results = self._results(site)
        except (Refusal, InvalidData) as refusal:
            self.problems.append(f"{label(node)} ({operation(node)}): {refusal}")
            results = self._unknown(node)
        self.values.update(zip(node.outputs, results, strict=False))

    def _results(self, site: Site) -> tuple[Meaning, ...]:
        """What a node computes.

        Raises:
            Refusal: it can't be taken.
        """
        node = site.node
        domains = WITH_QONNX if self.qonnx else DOMAINS
        reader = domains.get(node.domain, {}).get(node.op_type)
        constant = node.domain in ("", "ai.onnx") and node.op_type in CONSTANT_OPS
        if reader is None and not constant:
            hint = HINTS.get(node.op_type)
            raise Refusal("the op is not supported" + (f"; {hint}" if hint else ""))
        if any(isinstance(operand, Unknown) for operand in site.operands):
            return self._after_unknown(site)
        folded = fold(site)
        if folded is not None:
            return (folded,)
        if reader is None:
            raise Refusal("the op is supported where its operands are constants alone")
        results = reader(site)
        return results if isinstance(results, tuple) else (results,)

    def _after_unknown(self, site: Site) -> tuple[Meaning, ...]:
        """Behind a refused node; past a QuantizeLinear all is known again but the values."""
        operand, node = site.operand(0), site.node
        if node.op_type != "QuantizeLinear" or operand.shape is None:
            return self._unknown(node)
        element, parameters = stand_in_quantization(site, operand.shape)
        type = TensorType(element, operand.shape, parameters)
        stand_in = self.emitter.builder.input(site.source, type)
        return (Quantized(stand_in, type, site.source, real=False),)

    def _unknown(self, node: ir.Node) -> tuple[Meaning, ...]:
        return tuple(Unknown(self.extents.noted(value)) for value in node.outputs)

    def _meaning(self, value: ir.Value) -> Meaning:
        if value not in self.values:
            self.problems.append(f"tensor {value.name}: is read before any node computes it")
            self.values[value] = Unknown(None)
        return self.values[value]

    def _finish(self, value: ir.Value) -> str:
        producer = value.producer()
        node = "" if producer is None else producer.name or ""
        try:
            found, tensor = self._meaning(value), value.name or ""
            if self.qonnx and isinstance(found, Computed | Clipped | Moved):
                return float_tail(self.emitter, found, tensor, node)
            return finish(self.emitter, found, tensor, node)
        except Refusal as refusal:
            self.problems.append(f"output {value.name}: {refusal}")
            return ""


def _live_nodes(graph: ir.Graph) -> set[ir.Node]:
    """The nodes that an output depends on."""
    live = set[ir.Node]()
    waiting = [value.producer() for value in graph.outputs]
    while waiting:
        node = waiting.pop()
        if node is None or node in live:
            continue
        live.add(node)
        waiting += [value.producer() for value in node.inputs if value is not None]
    return live
