# SPDX-License-Identifier: Apache-2.0
"""The footprint of a compiled network as tables."""

from collections.abc import Iterator

from intaglio.commands.tables import Cell, Column, Table
from intaglio.compiler.targets.tvm.artifact import Strips
from intaglio.compiler.targets.tvm.footprint.report import Footprint

_LONGEST = 48


def totals(found: Footprint) -> Table:
    """Flash and RAM by what they are for."""
    rows: list[dict[str, Cell]] = [
        {"memory": memory, "use": use, "bytes": size}
        for memory, use, size in _totals(found)
        if size or use in ("arena", "all")
    ]
    columns = (Column("memory", "memory"), Column("use", "use"), Column("bytes", "bytes", ","))
    return Table("Footprint", columns, rows)


def _totals(found: Footprint) -> Iterator[tuple[str, str, int | None]]:
    yield "flash", "code", found.code
    yield "flash", "weights, biases and tables", found.constants
    yield "flash", "constants of the code", found.other_constants
    yield "flash", "first values of variables", found.data
    yield "flash", "all", found.flash
    yield "RAM", "arena", found.arena
    yield "RAM", "inputs", found.inputs
    yield "RAM", "outputs", found.outputs
    yield "RAM", "variables", found.data + found.zeroed
    yield "RAM", "stack, at most", found.stack.size
    yield "RAM", "all", found.ram


def layers(found: Footprint) -> Table:
    """A row for each step."""
    columns = (
        Column("step", "step"),
        Column("layer", "layer"),
        Column("ops", "ops"),
        Column("macs", "MACs", ","),
        Column("code", "code", ","),
        Column("constants", "constants", ","),
        Column("result", "result", ","),
        Column("scratch", "scratch", ","),
        Column("live", "arena then", ","),
    )
    rows: list[dict[str, Cell]] = [
        {
            "step": layer.step,
            "layer": short(layer.name),
            "ops": ", ".join(layer.ops),
            "macs": layer.multiply_accumulates or None,
            "code": sum(found.functions.get(name, 0) for name in set(layer.functions)),
            "constants": layer.constants or None,
            "result": layer.result,
            "scratch": layer.scratch or None,
            "live": layer.live,
        }
        for layer in found.layers
    ]
    return Table("Layers, in bytes", columns, rows)


def functions(found: Footprint) -> Table:
    """Bytes of code by function."""
    used: dict[str, int] = {}
    for layer in found.layers:
        for name in layer.functions:
            used[name] = used.get(name, 0) + 1
    columns = (
        Column("function", "function"),
        Column("bytes", "bytes", ","),
        Column("steps", "steps"),
    )
    largest = sorted(found.functions.items(), key=lambda each: -each[1])
    rows: list[dict[str, Cell]] = [
        {"function": name, "bytes": size, "steps": used.get(name)} for name, size in largest
    ]
    return Table("Code", columns, rows)


def fullest(found: Footprint) -> Table:
    """What the arena holds while it is fullest."""
    columns = (
        Column("layer", "layer"),
        Column("bytes", "bytes", ","),
        Column("first", "from step"),
        Column("last", "to step"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "layer": short(place.layer),
            "bytes": place.size,
            "first": place.first,
            "last": place.last,
        }
        for place in found.held_at_peak
    ]
    return Table(f"The arena at step {found.peak}, where it is fullest", columns, rows)


def notes(found: Footprint) -> Iterator[str]:
    """What the sums leave out."""
    if found.stack.size is None:
        yield "The stack's bound is unknown: a frame of this target can't be read."
    else:
        yield f"The stack is deepest in {' > '.join(found.stack.path)}."
    if found.stack.outside:
        yield f"Not counted: the code and the stack of {', '.join(found.stack.outside)}."


def strips(found: Strips) -> str:
    """A sentence about layers in strips."""
    rows = "1 row" if found.rows == 1 else f"{found.rows} rows"
    return (
        f"{short(found.first)} to {short(found.last)}: {found.count} strips of {rows}, "
        f"{found.extra:.1%} of their work is done again."
    )


def short(name: str) -> str:
    """A layer's name, cut where it is long.

    >>> short("model/conv2d_1/Conv2D;" + "model/conv2d_1/BiasAdd;" * 9)
    'model/conv2d_1/Conv2D…'
    """
    if len(name) <= _LONGEST:
        return name
    first = name.split(";")[0]
    return f"{first if len(first) < _LONGEST else first[: _LONGEST - 1]}…"
