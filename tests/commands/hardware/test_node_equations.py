# SPDX-License-Identifier: Apache-2.0
"""Equations of nodes, transcribed and run, give what the reference engine gives: all profiles."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from intaglio.commands.hardware.node_equations import Form, node_forms
from intaglio.commands.hardware.probes import probes
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.numerics.profile import Profile, load_profile, parse_profile, profile_names
from intaglio.simulator.reference.evaluate import run
from tests.numerics.equations.transcription import transcribed

ELEMENTS = 6
HARDWARE = """
schema = 1
base = "single-rounding"
name = "npu"
title = "every kind of register"
[every.contraction]
accumulator_bits = 14
overflow = "saturate-each-add"
order = "bias-last"
truncation = { dropped_bits = 2, rounding = "half-even" }
partial_sums = { length = 1, type = "i11", reduction = "tree" }
[every.mean]
accumulator_bits = 9
overflow = "wrap"
[every.scheme]
kind = "stages"
multiplier_bits = 16
rounding = "half-even"
zero_point = "before-shift"
product_bits = 20
pre_shift = 2
minimum_shift = 1
second_shift = 1
result_bits = 9
store = "wrap"
"""


def profiles() -> Iterator[Profile]:
    """Ours and those of hardware files."""
    yield parse_profile(HARDWARE, "npu.toml")
    yield parse_profile(
        HARDWARE.replace("before-shift", "before-multiplier").replace(
            "product_bits = 20", 'product_bits = 20\nproduct_overflow = "saturate"'
        ),
        "npu.toml",
    )
    yield from map(load_profile, profile_names())


@pytest.mark.parametrize("profile", list(profiles()), ids=lambda profile: profile.name)
def test_every_rule_transcribed_is_what_the_engine_computes(profile: Profile) -> None:
    compared = 0
    for probe in probes(profile):
        if probe.fixed is None:
            assert probe.refusal
            continue
        values = _values(probe.fixed)
        for node in probe.fixed.nodes:
            for form in node_forms(probe.fixed, node):
                compared += _compare(probe.fixed, node, form, values)
    assert compared >= 50


def _values(graph: Graph) -> dict[str, Array]:
    """Of every name, what the reference engine holds for codes that reach the ends."""
    random = np.random.default_rng(5)
    values: dict[str, Array] = {}
    for each in graph.inputs:
        type = each.type.integer
        codes = random.integers(type.minimum, type.maximum + 1, each.type.shape, dtype=np.int64)
        codes.ravel()[:2] = type.minimum, type.maximum
        values[each.name] = codes.astype(type.dtype)
    inputs = dict(values)

    run(graph, inputs, values.__setitem__)
    values |= {each.name: each.array for each in graph.constants}
    return values


def _compare(graph: Graph, node: Node, form: Form, values: dict[str, Array]) -> int:
    result = values[node.name]
    found = 0
    for index in list(np.ndindex(result.shape))[:: max(1, result.size // ELEMENTS)]:
        channel = index[-1] if index else 0
        if form.channels and channel not in form.channels:
            continue
        place = form.channels.index(channel) if form.channels else channel
        constants = {
            name: numbers[place if len(numbers) > 1 else 0]
            for name, numbers in form.constants.items()
        }
        operands = _operands(node, index, values)
        if operands is None:
            return 0
        scope = transcribed(form.statements, constants, **operands)
        computed = scope["y"] if "y" in scope else scope["a"]
        if isinstance(node.op, fixed.Softmax):
            computed = computed[index[node.op.axis]]
        assert computed == result[index], (node, form.statements)
        found += 1
    return found


def _operands(
    node: Node, index: tuple[int, ...], values: dict[str, Array]
) -> dict[str, Any] | None:
    """What one element of the result is made of."""
    first = values[node.operands[0]]
    match node.op:
        case fixed.Requantize():
            return {"a": int(first[index])}
        case fixed.Lookup():
            table = values[node.operands[1]]
            row = table if table.ndim == 1 else table[index[-1]]
            return {"x": int(first[index]), "table": row.tolist()}
        case fixed.Clamp() | fixed.Cast():
            return {"x": int(first[index])}
        case fixed.Quantize() | fixed.Dequantize():
            return {"x": first[index].item()}
        case (
            fixed.Pairwise()
            | fixed.Add()
            | fixed.Subtract()
            | fixed.Multiply()
            | fixed.Minimum()
            | fixed.Maximum()
        ):
            both = (
                np.broadcast_to(values[name], values[node.name].shape) for name in node.operands
            )
            left, right = (int(each[index]) for each in both)
            return {"x1": left, "x2": right}
        case fixed.MatMul() | fixed.Conv2d() | fixed.ConvTranspose2d():
            return _terms(node, index, values)
        case fixed.ReduceSum(axes=axes, keep_dimensions=keeps):
            wanted = iter(index)
            at: list[int | slice] = []
            for axis in range(first.ndim):
                reduced = axis in axes
                place = next(wanted) if keeps or not reduced else 0
                at.append(slice(None) if reduced else place)
            return {"x": first[tuple(at)].ravel().tolist()}
        case fixed.AveragePool2d():
            n, i, j, c = index
            return {"x": first[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c].ravel().tolist()}
        case fixed.Softmax(algorithm=fixed.FixedPointSoftmax()):
            return None
        case fixed.Softmax(axis=axis):
            row = tuple(slice(None) if each == axis else k for each, k in enumerate(index))
            return {"x": first[row].tolist()}
        case _:
            return None


def _terms(node: Node, index: tuple[int, ...], values: dict[str, Array]) -> dict[str, Any]:
    x, w = (values[name] for name in node.operands[:2])
    bias = {"b": int(values[node.operands[2]][index[-1]])} if len(node.operands) > 2 else {}
    if isinstance(node.op, fixed.MatMul):
        columns = w if w.ndim == 2 else w[index[:-2]]
        return {
            "x": x[index[:-1]].tolist(),
            "w": columns[:, index[-1]].tolist(),
            **bias,
        }
    assert isinstance(node.op, fixed.Conv2d | fixed.ConvTranspose2d)
    # Kernels of one position: a pixel of the channel's group.
    channels = w.shape[3]
    group = index[3] // (w.shape[0] // node.op.groups)
    pixel = x[index[:3]][group * channels : (group + 1) * channels]
    return {"x": pixel.tolist(), "w": w[index[3], 0, 0].tolist(), **bias}
