# SPDX-License-Identifier: Apache-2.0
"""How the terms of a sum meet, as statements."""

from typing import assert_never

from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    PartialSums,
    Reduction,
)
from intaglio.numerics.equations.functions import keep_function, shift_function


def accumulator_statements(accumulator: Accumulator, bias: str | None = "b") -> tuple[str, ...]:
    """From the list ``p`` of products, and the bias, to the sum ``a``.

    Terms stand in the order of kernel rows, kernel columns and input channels.

    Args:
        accumulator: where they are summed.
        bias: its name; None where there is none.
    """
    lines: list[str] = []
    terms = "p"
    if accumulator.truncation is not None:
        dropped = accumulator.truncation
        kept = f"{shift_function(dropped.rounding)}(product, {dropped.dropped_bits})"
        lines.append(f"q = [{kept} for product in p]")
        terms = "q"
    if accumulator.partial_sums is not None:
        lines.append(_partial(accumulator.partial_sums, terms))
        terms = "t"
    lines.append(f"a = {_total(accumulator, terms, bias)}")
    return tuple(lines)


def _total(accumulator: Accumulator, terms: str, bias: str | None) -> str:
    keep = keep_function(accumulator.overflow, accumulator.type)
    if not accumulator.overflow.ordered:
        return f"{keep}({f'{bias} + ' if bias else ''}sum({terms}))"
    if bias is None:
        return f"chain({terms}, {keep})"
    match accumulator.order:
        case AccumulationOrder.BIAS_FIRST:
            return f"chain([{bias}] + {terms}, {keep})"
        case AccumulationOrder.BIAS_LAST:
            return f"chain({terms} + [{bias}], {keep})"
        case _:
            assert_never(accumulator.order)


def _partial(registers: PartialSums, terms: str) -> str:
    length = registers.length
    if length == 0:
        return f"t = [{_tile(registers, terms)}] if {terms} else []"
    tile = _tile(registers, f"{terms}[i:i + {length}]")
    return f"t = [{tile} for i in range(0, len({terms}), {length})]"


def _tile(registers: PartialSums, terms: str) -> str:
    keep = keep_function(registers.overflow, registers.type)
    if not registers.overflow.ordered:
        return f"{keep}(sum({terms}))"
    match registers.reduction:
        case Reduction.CHAIN:
            return f"chain({terms}, {keep})"
        case Reduction.TREE:
            return f"tree({terms}, {keep})"
        case _:
            assert_never(registers.reduction)
