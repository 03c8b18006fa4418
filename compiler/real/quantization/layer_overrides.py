# SPDX-License-Identifier: Apache-2.0
"""Codes that single layers get in place of what the whole network gets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

import onnx_ir as ir

from intaglio.compiler.real.editing import folded_names
from intaglio.errors import InvalidOption

MINIMUM_BITS, MAXIMUM_BITS = 2, 16

_KINDS: Mapping[str, tuple[type, str]] = {
    "weight_bits": (int, "a whole number"),
    "activation_bits": (int, "a whole number"),
    "per_channel": (bool, "true or false"),
}


@dataclass(frozen=True, slots=True)
class LayerOverride:
    """What one layer has otherwise; None leaves it as in the whole network.

    Attributes:
        weight_bits: width of its weights, 2 to 16.
        activation_bits: width of what it computes, 2 to 16.
        per_channel: a weight scale for each of its output channels, or one for the tensor.
    """

    weight_bits: int | None = None
    activation_bits: int | None = None
    per_channel: bool | None = None

    def __post_init__(self) -> None:
        """Refuse widths that have no meaning here."""
        require_width("weight bits", self.weight_bits)
        require_width("activation bits", self.activation_bits)


def require_width(name: str, bits: int | None) -> None:
    """Let pass 2 to 16, and None.

    Raises:
        InvalidOption: for any other width.
    """
    if bits is not None and not MINIMUM_BITS <= bits <= MAXIMUM_BITS:
        raise InvalidOption(
            name,
            bits,
            "there is no such width",
            f"choose {MINIMUM_BITS} to {MAXIMUM_BITS}",
        )


def override_of(overrides: Mapping[str, LayerOverride], node: ir.Node) -> LayerOverride:
    """What a node has otherwise, under its name, its first output's, or one folded into it."""
    return next((overrides[name] for name in _names(node) if name in overrides), LayerOverride())


def require_layers(overrides: Mapping[str, LayerOverride], graph: ir.Graph) -> None:
    """Check that every name is that of a node, of its first output, or of what it has folded.

    Raises:
        InvalidOption: for the first name that isn't, with the nearest that is.
    """
    known = [name for node in graph for name in _names(node)]
    for name in overrides:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise InvalidOption(
                "layers",
                name,
                "the network has no node of that name",
                f"did you mean {near[0]}"
                if near
                else "take the name of a layer, or of its output, that `intaglio inspect` shows",
            )


def read_overrides(tables: Mapping[str, object]) -> dict[str, LayerOverride]:
    """Overrides by node name, from the tables ``[layers."NAME"]`` of a recipe file.

    Raises:
        InvalidOption: a table has an unknown key, or a value of the wrong kind.
    """
    return {name: _read(name, table) for name, table in tables.items()}


def _read(name: str, table: object) -> LayerOverride:
    where = f'layers."{name}"'
    if not isinstance(table, dict):
        raise InvalidOption(where, table, "it is no table", f"give any of {', '.join(_KINDS)}")
    given = cast(dict[str, Any], table)
    for key, value in given.items():
        if key not in _KINDS:
            raise InvalidOption(
                where, key, "there is no such key", f"choose any of {', '.join(_KINDS)}"
            )
        kind, words = _KINDS[key]
        if type(value) is not kind:
            raise InvalidOption(f"{where}.{key}", value, "it is of another kind", f"give {words}")
    return LayerOverride(**given)


def _names(node: ir.Node) -> Iterator[str]:
    for name in (node.name, node.outputs[0].name, *folded_names(node)):
        if name:
            yield name
