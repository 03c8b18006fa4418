# SPDX-License-Identifier: Apache-2.0
"""What the layers of a network ask of each register."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from intaglio.commands.hardware.explain import Stage, stage_of
from intaglio.commands.hardware.field_effects import idle_fields
from intaglio.commands.models import LoweringOptions, import_file, named
from intaglio.compiler.analysis.accumulator_bits import AccumulatorBits, accumulator_report
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.places import place_of


@dataclass(frozen=True, slots=True)
class LayerRequirements:
    """What one node of the lowered network needs.

    Attributes:
        name: of the node in the user's model.
        stage: its equations and numbers.
        accumulator: of a sum, the bits that it has and needs.
        product_bits: of a requantizer, what holds each of its intermediate values.
    """

    name: str
    stage: Stage
    accumulator: AccumulatorBits | None
    product_bits: int | None

    def ranges(self) -> Mapping[str, tuple[int | float, int | float]]:
        """The least and the greatest of each constant over the channels; tables left out."""
        found: dict[str, tuple[int | float, int | float]] = {}
        for form in self.stage.forms:
            for name, values in form.constants.items():
                plain = [each for each in values if not isinstance(each, tuple)]
                if plain:
                    low, high = found.get(name, (plain[0], plain[0]))
                    found[name] = min(low, *plain), max(high, *plain)
        return found


@dataclass(frozen=True, slots=True)
class NetworkRequirements:
    """A network under a profile.

    Attributes:
        layers: every node that computes, in order.
        unused: the places of rules that no layer of the network meets.
        idle: the places of fields of the others that may change by a step without any effect;
            None where that wasn't tried.
    """

    layers: tuple[LayerRequirements, ...]
    unused: tuple[str, ...]
    idle: tuple[str, ...] | None = None


def network_requirements(
    path: Path, profile: Profile, options: LoweringOptions, *, try_fields: bool = False
) -> NetworkRequirements:
    """Lower the model in ``path`` by the profile, and read off what each layer needs.

    Args:
        path: a quantized model.
        profile: the arithmetic.
        options: batch, shapes.
        try_fields: whether to change every field of the rules that are met, and lower again.

    Raises:
        InvalidFile: the file is no quantized model.
        UnsupportedModel: the profile has no arithmetic for parts of it.
    """
    network = import_file(path, options)
    with named(path):
        graph, met = _lowered(network, profile)
    bits = {each.name: each for each in accumulator_report(graph)}
    ranges = value_ranges(graph)
    layers = tuple(
        LayerRequirements(
            node.source or node.name,
            stage_of(graph, node),
            bits.get(node.name),
            _product_bits(node, ranges),
        )
        for node in graph.nodes
    )
    tables = ("contraction", "pair", "mean", "unary", "rescale", "softmax", "resize")
    rules = [rule for table in tables for rule in getattr(profile, table)]
    unused = tuple(place_of(profile, rule) for rule in rules if id(rule) not in met)
    idle = None
    if try_fields:
        used = tuple(place_of(profile, rule) for rule in rules if id(rule) in met)
        idle = tuple(idle_fields(network, profile, used))
    return NetworkRequirements(tuple(layer for layer in layers if layer.stage.forms), unused, idle)


def _lowered(network: Graph, profile: Profile) -> tuple[Graph, set[int]]:
    """The fixed graph, and which rules were met."""
    met: set[int] = set()

    class Recording(Profile):
        """The profile, taking notes."""

        def first(self, *arguments: object, **conditions: object) -> object:  # type: ignore[override]
            choose: Any = super().first
            rule: object = choose(*arguments, **conditions)
            met.add(id(rule))
            return rule

    values = {each.name: getattr(profile, each.name) for each in fields(profile)}
    return select_arithmetic(network, Recording(**values)), met


def _product_bits(node: Node, ranges: Mapping[str, Interval]) -> int | None:
    if not isinstance(node.op, fixed.Requantize):
        return None
    operand = ranges[node.operands[0]]
    return max(each.scaling.product_bits(operand) for each in node.op.requantizers)
