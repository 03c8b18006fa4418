# SPDX-License-Identifier: Apache-2.0
"""What a network asks of the hardware, for people."""

from collections.abc import Iterator

from intaglio.commands.hardware.explain import definition_lines, wrapped
from intaglio.commands.hardware.requirements import LayerRequirements, NetworkRequirements


def requirement_lines(found: NetworkRequirements) -> Iterator[str]:
    """The forms that layers have, each once; then what each layer needs; then the functions."""
    letters: dict[tuple[tuple[str, ...], ...], str] = {}
    statements: list[str] = []
    for layer in found.layers:
        texts = _texts(layer)
        if texts in letters:
            continue
        letters[texts] = f"[{len(letters) + 1}]"
        yield f"{letters[texts]} {layer.stage.op} -> {layer.stage.type}"
        for text in texts:
            yield from (f"    {statement}" for statement in text)
            statements += text
    yield ""
    for layer in found.layers:
        yield f"{layer.name} {letters[_texts(layer)]}"
        yield from wrapped("; ".join(_needs(layer)))
    yield ""
    if found.unused:
        yield f"without effect on this network: {', '.join(found.unused)}"
    if found.idle:
        yield "a step further in any of these fields changes nothing on this network:"
        yield from wrapped(", ".join(found.idle))
    yield from definition_lines(statements)


def _texts(layer: LayerRequirements) -> tuple[tuple[str, ...], ...]:
    return tuple(form.statements for form in layer.stage.forms)


def _needs(layer: LayerRequirements) -> Iterator[str]:
    bits = layer.accumulator
    if bits is not None:
        yield (
            f"accumulator {bits.declared_bits} bits, needs {bits.final_bits} "
            f"({bits.any_order_bits} in any order, {bits.type_bits} for any weights)"
        )
    if layer.product_bits is not None:
        yield f"widest intermediate {layer.product_bits} bits"
    for name, (low, high) in layer.ranges().items():
        yield f"{name} = {low}" if low == high else f"{name} = {low}..{high}"
