# SPDX-License-Identifier: Apache-2.0
"""Compute a chain of layers strip by strip, so that what lies between them never exists whole.

The rows of the last value are cut into strips.  For each strip every node computes the rows that
the strip depends on, from slices of what lies before; padding stays where the plane ends, and
nowhere else.  Rows at the borders of strips are computed more than once.  Every element is computed
from the same elements by the same op, so the values are the same.

Source: patch-based inference of MCUNetV2 (Lin et al., 2021, section 3.1); the cascades of Vela.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import AnyOp, Constant, Graph, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.editing import unused_name

_ROWS = 1
"""The axis of rows: planes are ``[1, H, W, C]``."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows from ``first`` up to below ``end``."""

    first: int
    end: int

    @property
    def count(self) -> int:
        """How many there are."""
        return self.end - self.first

    def __or__(self, other: "Rows") -> "Rows":
        """The least range that holds both."""
        return Rows(min(self.first, other.first), max(self.end, other.end))


@dataclass(frozen=True, slots=True)
class _Window:
    """The rows of an operand that a strip reads, and the padding that is left at its ends."""

    rows: Rows
    before: int
    after: int


def can_tile(graph: Graph, node: Node) -> bool:
    """Whether rows of a node's result can be computed from rows of its operands."""
    operands = [graph.type_of(name) for name in _plane_operands(graph, node)]
    planes = [node.type, *operands]
    if not operands or any(plane.rank != 4 or plane.shape[0] != 1 for plane in planes):
        return False
    rows = node.type.shape[_ROWS]
    match node.op:
        case fixed.Conv2d() | fixed.AveragePool2d():
            constants = all(graph.constant(name) is not None for name in node.operands[1:])
            return constants and _sees_rows(graph, node)
        case fixed.MaxPool2d():
            # Gaps between taps could hide the few rows of a strip.
            return node.op.dilations[0] == 1 and _sees_rows(graph, node)
        case (
            fixed.Requantize()
            | fixed.Clamp()
            | fixed.Cast()
            | fixed.Lookup()
            | fixed.Pairwise()
            | fixed.Add()
            | fixed.Subtract()
            | fixed.Multiply()
            | fixed.Minimum()
            | fixed.Maximum()
        ):
            same = all(plane.shape[_ROWS] == rows for plane in operands)
            return same and all(_rowless(graph, name) for name in node.operands)
        case fixed.Concat():
            return node.op.axis > _ROWS and len(operands) == len(node.operands)
        case fixed.Pad():
            return not (node.op.before[_ROWS] or node.op.after[_ROWS])
        case _:
            return False


def _sees_rows(graph: Graph, node: Node) -> bool:
    """Whether every row of the result reads a row that isn't padding."""
    rows = range(node.type.shape[_ROWS])
    return all(_window(graph, node, Rows(row, row + 1)) is not None for row in rows)


def _rowless(graph: Graph, name: str) -> bool:
    """Whether a value, if it is a constant, is the same for every row."""
    constant = graph.constant(name)
    return constant is None or constant.type.rank < 3 or constant.type.shape[-3] == 1


def rows_needed(graph: Graph, nodes: Sequence[Node], last: str, rows: Rows) -> Mapping[str, Rows]:
    """By value: the rows that some rows of ``last`` depend on.

    Args:
        graph: that the nodes are of.
        nodes: of the chain, in order; each one can be tiled.
        last: the value whose rows are wanted.
        rows: of it.
    """
    needed = {last: rows}
    for node in reversed(nodes):
        if node.name not in needed:
            continue
        for operand in _plane_operands(graph, node):
            read = _read(graph, node, needed[node.name]).rows
            needed[operand] = needed[operand] | read if operand in needed else read
    return needed


def strips(height: int, rows: int) -> Sequence[Rows]:
    """Strips of ``height`` rows each; the last one has what is left."""
    return [Rows(first, min(first + height, rows)) for first in range(0, rows, height)]


def tile_rows(graph: Graph, names: Sequence[str], height: int) -> Graph:
    """The graph with some nodes computed in strips of their last one's rows.

    Args:
        graph: at the fixed level.
        names: of nodes that can be tiled, in graph order; but the last, none of them is an output,
            or is read by a node that isn't among them.
        height: rows of a strip.
    """
    chosen = set(names)
    chain = [node for node in graph.nodes if node.name in chosen]
    last = chain[-1]
    nodes: list[Node] = []
    taken = set(graph.definitions)
    for node in graph.nodes:
        if node is last:
            parts: list[str] = []
            for number, rows in enumerate(strips(height, last.type.shape[_ROWS])):
                strip = _Strip(graph, chain, rows, number, taken)
                nodes += strip.nodes
                parts.append(strip.result)
            nodes.append(replace(last, op=fixed.Concat(_ROWS), operands=tuple(parts)))
        elif node.name not in chosen:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


class _Strip:
    """The nodes of one strip, and the name of its rows of the last value."""

    def __init__(
        self, graph: Graph, chain: Sequence[Node], rows: Rows, number: int, taken: set[str]
    ) -> None:
        self._graph, self._number, self._taken = graph, number, taken
        self._needed = rows_needed(graph, chain, chain[-1].name, rows)
        self._held: dict[str, str] = {}
        self._slices: dict[tuple[str, Rows], str] = {}
        self.nodes: list[Node] = []
        for node in chain:
            if node.name in self._needed:
                self._held[node.name] = self._computed(node, self._needed[node.name])
        self.result = self._held[chain[-1].name]

    def _computed(self, node: Node, rows: Rows) -> str:
        window = _read(self._graph, node, rows)
        planes = _plane_operands(self._graph, node)
        operands = tuple(
            self._part(name, window.rows) if name in planes else name for name in node.operands
        )
        type = _of_rows(node.type, rows.count)
        op, source = _padded(node.op, window), node.source or node.name
        return self._add(node.name, type, op, operands, source)

    def _part(self, operand: str, rows: Rows) -> str:
        """Rows of a plane, of which the strip holds some, or which is there as a whole."""
        source, there = operand, Rows(0, self._graph.type_of(operand).shape[_ROWS])
        if operand in self._held:
            source, there = self._held[operand], self._needed[operand]
        if rows == there:
            return source
        if (source, rows) not in self._slices:
            op = fixed.Slice((0, rows.first - there.first, 0, 0), (1, 1, 1, 1))
            type = _of_rows(self._graph.type_of(operand), rows.count)
            self._slices[source, rows] = self._add(f"{operand}.rows", type, op, (source,), "")
        return self._slices[source, rows]

    def _add(
        self, stem: str, type: TensorType, op: AnyOp, operands: tuple[str, ...], source: str
    ) -> str:
        name = unused_name(f"{stem}.strip{self._number}", self._taken)
        self._taken.add(name)
        self.nodes.append(Node(name, type, op, operands, source))
        return name


def _of_rows(type: TensorType, count: int) -> TensorType:
    first, _, *rest = type.shape
    return TensorType(type.element, (first, count, *rest))


def _plane_operands(graph: Graph, node: Node) -> Sequence[str]:
    """The operands that have rows: all but constants, and weights that are computed."""
    match node.op:
        case fixed.Conv2d() | fixed.Lookup():
            operands = node.operands[:1]
        case _:
            operands = node.operands
    return [name for name in operands if not isinstance(graph.definitions[name], Constant)]


def _read(graph: Graph, node: Node, rows: Rows) -> _Window:
    """The rows of its operands that some rows of a node's result are computed from."""
    found = _window(graph, node, rows)
    if found is None:
        raise ValueError(f"{node.name} has rows of padding alone")
    return found


def _window(graph: Graph, node: Node, rows: Rows) -> _Window | None:
    """None where a row lies in padding alone, or reaches beyond the padding."""
    match node.op:
        case fixed.Conv2d():
            kernel = graph.type_of(node.operands[1]).shape[1]
            dilation, stride, pads = node.op.dilations[0], node.op.strides[0], node.op.pads
        case fixed.MaxPool2d():
            kernel, dilation = node.op.kernel[0], node.op.dilations[0]
            stride, pads = node.op.strides[0], node.op.pads
        case fixed.AveragePool2d():
            kernel, dilation = node.op.kernel[0], 1
            stride, pads = node.op.strides[0], node.op.pads
        case _:
            return _Window(rows, 0, 0)
    extent = graph.type_of(node.operands[0]).shape[_ROWS]
    first = rows.first * stride - pads[0]
    end = (rows.end - 1) * stride - pads[0] + (kernel - 1) * dilation + 1
    inside = Rows(max(first, 0), min(end, extent))
    before, after = inside.first - first, end - inside.end
    return _Window(inside, before, after) if inside.count > 0 and after <= pads[2] else None


def _padded(op: AnyOp, window: _Window) -> AnyOp:
    """The op with the padding of a strip."""
    match op:
        case fixed.Conv2d() | fixed.MaxPool2d() | fixed.AveragePool2d():
            _, left, _, right = op.pads
            return replace(op, pads=(window.before, left, window.after, right))
        case _:
            return op
