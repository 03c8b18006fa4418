# SPDX-License-Identifier: Apache-2.0
"""Small graphs that tests of sweeps run."""

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph

NET = """\
graph net fixed
%image: f32[{batch},3] = input
%w: i8[3,2] = constant [100, -100, 50, 127, -3, 7]
%q: i8[{batch},3] = quantize(%image) scale=f32(0.5) zero_point=0 rounding=half-even
%acc: {type}[{batch},2] = mat_mul(%q, %w) accumulator=accumulator(type={type}{overflow})
%y: i8[{batch},2] = requantize(%acc) requantizers=2 * requantizer(scaling=multiply_shift(\
multiplier={multiplier}, shift={shift}, rounding={rounding}), zero_point=0, low=-128, high=127)
%logits: f32[{batch},2] = dequantize(%y) scale=f32(0.25) zero_point=0
return %logits
"""


def net(
    *,
    type: str = "i16",
    overflow: str = "wrap",
    multiplier: int = 1,
    shift: int = 8,
    rounding: str = "floor",
    batch: int = 1,
) -> Graph:
    """Quantize, one matrix product of at most 153 · 128 + 0, requantize, dequantize."""
    rule = "" if overflow == "wrap" else f", overflow={overflow}"
    text = NET.format(
        type=type,
        overflow=rule,
        multiplier=multiplier,
        shift=shift,
        rounding=rounding,
        batch=batch,
    )
    return parse_graph(text)
