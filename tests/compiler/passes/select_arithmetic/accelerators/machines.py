# SPDX-License-Identifier: Apache-2.0
"""Small scaled graphs for one machine's statement, run in every engine."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.pipeline import lower
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import Profile, load_profile
from intaglio.simulator import vectorized
from tests.simulator.compiled.comparing import assert_compiled_agrees
from tests.simulator.engines import assert_engines_agree

Codes = npt.NDArray[np.int64]

TRIPLES = [
    (0.125, 0.0625, 0.25),
    (0.5, 0.5, 1.0),
    (0.0625, 0.5, 0.5),
    (0.0437, 0.0219, 0.0511),
    (0.09, 0.0011, 0.09),
]
"""Scales of two operands and of their result."""


def single(value: float) -> float:
    """The nearest float32."""
    return float(np.float32(value))


def listed(values: list[float]) -> str:
    return ", ".join(f"f32({single(value)!r})" for value in values)


def graph_of(text: str) -> Graph:
    graph = parse_graph(f"graph machine scaled\n{text}return %y\n")
    check(graph)
    return graph


def dense(
    x: str,
    y: str,
    scales: tuple[float, list[float], float],
    zeros: tuple[int, int],
    weights: Codes,
    bias: tuple[str, list[int]] | None = None,
    op: str = "conv2d",
    activation: str = "",
) -> Graph:
    """A convolution of 1 x 1, or a product with a matrix: weights are [outputs, inputs].

    Args:
        x: the operand's element type.
        y: the result's.
        scales: the operand's, each output's, the result's.
        zeros: the operand's zero point and the result's.
        weights: codes of 8 bits.
        bias: its element type and codes.
        op: ``conv2d`` or ``fully_connected``.
        activation: as in the text form.
    """
    outputs, inputs = weights.shape
    shape, axis = (f"{outputs},1,1,{inputs}", 0) if op == "conv2d" else (f"{inputs},{outputs}", 1)
    laid_out = weights if op == "conv2d" else weights.T
    codes = ", ".join(str(int(code)) for code in laid_out.ravel())
    rows, given = "1,1,ROWS", single(scales[0])
    text = f"%x: {x}[{rows},{inputs}]{{scale=f32({given!r}), zero_point={zeros[0]}}} = input\n"
    text += f"%w: i8[{shape}]{{axis={axis}, scale=[{listed(scales[1])}]}} = constant [{codes}]\n"
    operands = "%x, %w"
    if bias is not None:
        products = listed([given * single(scale) for scale in scales[1]])
        held = ", ".join(str(code) for code in bias[1])
        text += f"%b: {bias[0]}[{outputs}]{{axis=0, scale=[{products}]}} = constant [{held}]\n"
        operands += ", %b"
    result = f"{{scale=f32({single(scales[2])!r}), zero_point={zeros[1]}}}"
    text += f"%y: {y}[{rows},{outputs}]{result} = {op}({operands}) {activation}\n"
    return graph_of(text.replace("ROWS", str(ROWS)))


ROWS = 256


def codes_of(element: str, inputs: int, seed: int = 1) -> Codes:
    """Every code of 8 bits in the first column; the ends among the others, which are drawn."""
    word = IntType.parse(element)
    drawn = np.random.default_rng(seed).integers(
        word.minimum, word.maximum, (1, 1, ROWS, inputs), endpoint=True
    )
    first = np.linspace(word.minimum, word.maximum, ROWS).round().astype(np.int64)
    drawn[0, 0, :, 0] = first
    drawn[0, 0, 0], drawn[0, 0, -1] = word.minimum, word.maximum
    return drawn.astype(np.int64)


def pair(
    op: str, element: str, scales: tuple[float, float, float], zeros: tuple[int, int, int]
) -> Graph:
    """Every pair of codes of 8 bits."""
    types = [
        f"{element}[1,65536]{{scale=f32({single(scale)!r}), zero_point={zero}}}"
        for scale, zero in zip(scales, zeros, strict=True)
    ]
    return graph_of(
        f"%a: {types[0]} = input\n%b: {types[1]} = input\n%y: {types[2]} = {op}(%a, %b)\n"
    )


def every_pair(element: str) -> tuple[Codes, Codes]:
    word = IntType.parse(element)
    codes = np.arange(word.minimum, word.maximum + 1, dtype=np.int64)
    left, right = np.meshgrid(codes, codes)
    return left.reshape(1, -1), right.reshape(1, -1)


def run(graph: Graph, machine: str | Profile, feeds: Mapping[str, Codes]) -> Codes:
    """The result under a profile, the same in every engine."""
    profile = load_profile(machine) if isinstance(machine, str) else machine
    lowered = select_arithmetic(graph, profile)
    check(lowered)
    given: dict[str, Array] = {
        value.name: feeds[value.name].astype(value.type.integer.dtype) for value in lowered.inputs
    }
    found = assert_engines_agree(lowered, given)[lowered.outputs[0]]
    assert_compiled_agrees(lowered, given)
    narrowed = lower(graph, profile)
    assert np.array_equal(vectorized.run(narrowed, given, None)[narrowed.outputs[0]], found)
    return found.astype(np.int64)


def run_pairs(graph: Graph, profile: str, element: str) -> Codes:
    """The result for every pair of codes; a few of them in every engine."""
    left, right = every_pair(element)
    lowered = select_arithmetic(graph, load_profile(profile))
    dtype = IntType.parse(element).dtype
    feeds: dict[str, Array] = {"a": left.astype(dtype), "b": right.astype(dtype)}
    return assert_compiled_agrees(lowered, feeds)[lowered.outputs[0]].astype(np.int64)


def clipped(values: Codes, element: str) -> Codes:
    word = IntType.parse(element)
    return np.clip(values, word.minimum, word.maximum)
