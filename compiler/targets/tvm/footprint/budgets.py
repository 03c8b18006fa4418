# SPDX-License-Identifier: Apache-2.0
"""Whether a network fits a device, which layer breaks its budget, and what would fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.footprint.report import Footprint, Layer
from intaglio.compiler.targets.tvm.plan import Block, plan
from intaglio.compiler.targets.tvm.views import bytes_of
from intaglio.errors import ExceedsBudget


@dataclass(frozen=True, slots=True)
class Budgets:
    """Bytes of a device that a network may take; None: as many as it needs."""

    ram: int | None = None
    flash: int | None = None


NO_BUDGETS = Budgets()


def arena_budget(found: Footprint, ram: int) -> int:
    """What is left for the arena; negative where the rest is too large already."""
    return ram - (found.ram - found.arena)


def refuse_excess(graph: Graph, found: Footprint, budgets: Budgets, tiled: bool) -> None:
    """Refuse a network that is larger than its budgets.

    Args:
        graph: as it was compiled.
        found: what it needs.
        budgets: what it may need.
        tiled: whether everything was cut into strips that gains by it.

    Raises:
        ExceedsBudget: naming the layers, and what would fit.
    """
    problems: list[str] = []
    advice: list[str] = []
    if budgets.ram is not None and found.ram > budgets.ram:
        problems += _ram_problems(found, budgets.ram)
        advice += _ram_advice(graph, found, budgets.ram, tiled)
    if budgets.flash is not None and found.flash > budgets.flash:
        problems += _flash_problems(found, budgets.flash)
        advice += _flash_advice(found, budgets.flash)
    if problems:
        raise ExceedsBudget(graph.name, problems, advice)


def _ram_problems(found: Footprint, ram: int) -> Iterator[str]:
    left = arena_budget(found, ram)
    rest = f"{found.inputs:,} for inputs, {found.outputs:,} for outputs"
    if found.stack.size:
        rest += f", {found.stack.size:,} for the stack"
    total = f"RAM: found {found.ram:,} bytes, expected at most {ram:,}"
    if left < 0:
        yield f"{total}; {rest} are too many already"
        return
    over = [layer for layer in found.layers if layer.live > left]
    if not over or found.peak is None:
        # The places have gaps between them.
        yield f"{total}; the arena takes {found.arena:,}, and {left:,} are left beside {rest}"
        return
    worst = found.layers[found.peak]
    holds = "; ".join(f"{place.size:,} of {_cut(place.layer)}" for place in found.held_at_peak)
    yield (
        f"RAM: layer {worst.name}: found {worst.live:,} bytes in the arena ({holds}), "
        f"expected at most {left:,}: {ram:,} less {rest}"
    )
    others = [layer.name for layer in over if layer.name != worst.name]
    if others:
        yield f"RAM: {len(over)} steps in all are over it, such as {_some(others)}"


def _some(names: list[str]) -> str:
    return ", ".join(list(dict.fromkeys(map(_cut, names)))[:3])


def _cut(name: str) -> str:
    """The first of the names that a fused layer goes by."""
    first, more, _ = name.partition(";")
    return f"{first};…" if more else first


def _ram_advice(graph: Graph, found: Footprint, ram: int, tiled: bool) -> Iterator[str]:
    left = arena_budget(found, ram)
    yield "the steps are in the best order that was found"
    if tiled:
        yield (
            "large layers are computed in strips already, as far as that gains anything: "
            f"the least arena that was found has {found.arena:,} bytes"
        )
    else:
        yield "large layers computed in strips of rows: leave --no-tile out"
    wide = _wide(graph, found)
    if wide:
        arena = _arena_of_bytes(graph, found)
        fits = "would fit" if arena <= left else "would not fit yet"
        yield (
            f"8-bit activations instead of {_bits(graph, wide)} of {_some(wide)}: the arena "
            f"would have {arena:,} bytes, and {fits}"
        )
    else:
        yield "fewer bits than 8 don't help: an activation takes at least a byte"
    if left > 0:
        share = f"{left / max(found.arena, 1):.0%}"
        yield f"fewer channels or smaller planes: {left:,} bytes fit at the peak, {share} of it"
    else:
        yield f"RAM of more than {ram - left:,} bytes, or a smaller input"


def _wide(graph: Graph, found: Footprint) -> list[str]:
    """Layers with values at the peak that take more than a byte each."""
    return [
        place.layer
        for place in found.held_at_peak
        if place.value in graph.definitions
        and bytes_of(graph, place.value) > graph.type_of(place.value).size
    ]


def _bits(graph: Graph, layers: list[str]) -> int:
    nodes = [node for node in graph.nodes if (node.source or node.name) in layers]
    return max(8 * bytes_of(graph, node.name) // max(node.type.size, 1) for node in nodes)


def _arena_of_bytes(graph: Graph, found: Footprint) -> int:
    """The arena if every value took a byte an element."""
    blocks = [Block(place.value, place.size, place.first, place.last) for place in found.places]
    narrow = [
        replace(block, size=graph.type_of(block.name).size)
        if block.name in graph.definitions
        else block
        for block in blocks
    ]
    return plan(narrow).size


def _flash_problems(found: Footprint, flash: int) -> Iterator[str]:
    largest = max(found.layers, key=lambda layer: _flash_of(found, layer), default=None)
    total = f"flash: found {found.flash:,} bytes, expected at most {flash:,}"
    if largest is None:
        yield total
        return
    yield (
        f"{total}; the largest layer is {largest.name}: {largest.constants:,} bytes of constants, "
        f"{_code_of(found, largest):,} of code"
    )


def _flash_of(found: Footprint, layer: Layer) -> int:
    return layer.constants + _code_of(found, layer)


def _code_of(found: Footprint, layer: Layer) -> int:
    return sum(found.functions.get(name, 0) for name in set(layer.functions))


def _flash_advice(found: Footprint, flash: int) -> Iterator[str]:
    left = flash - (found.flash - found.constants)
    if left > 0:
        yield (
            f"fewer constants: {left:,} bytes of them would fit, "
            f"{left / max(found.constants, 1):.0%} of the {found.constants:,} that there are"
        )
    else:
        yield f"the code alone has {found.code:,} bytes; fewer kinds of layers need less"
