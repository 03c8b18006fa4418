# SPDX-License-Identifier: Apache-2.0
"""Layers' corner vectors, held against sums written out by hand."""

import hashlib
import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from intaglio.commands.vectors import write_vectors
from intaglio.commands.vectors.layers import layers_of
from intaglio.commands.vectors.making import layer_vectors, windows_of
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Accumulator, Overflow, PartialSums
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift

I8 = IntType(8, True)


def requantizers(count: int) -> tuple[Requantizer, ...]:
    return tuple(
        Requantizer(MultiplyShift(1000 + 3 * n, 18 + n % 3, Rounding.HALF_EVEN), n, -128, 127)
        for n in range(count)
    )


def convolution(
    inputs: int,
    outputs: int,
    groups: int = 1,
    accumulator: Accumulator | None = None,
    seed: int = 0,
) -> Graph:
    """A 3x3 convolution with strides, pads and dilations, zero points, a bias, a requantizer."""
    random = Random(0)
    builder = Builder("layer", Level.FIXED)
    x = builder.input("x", TensorType(I8, (1, 9, 9, inputs)))
    shape = (outputs, 3, 3, inputs // groups)
    weights = np.array([random.randint(-128, 127) for _ in range(int(np.prod(shape)))])
    w = builder.constant("w", TensorType(I8, shape), weights.reshape(shape))
    bias = [random.randint(-9999, 9999) for _ in range(outputs)]
    b = builder.constant("b", TensorType(INT32, (outputs,)), np.array(bias))
    op = fixed.Conv2d(
        accumulator or Accumulator(INT32),
        strides=(2, 1),
        pads=(1, 2, 1, 2),
        dilations=(2, 1),
        groups=groups,
        input_zero_point=-3,
        weight_zero_points=tuple(range(outputs)),
        pad_value=-3,
    )
    held = op.accumulator.type
    acc = builder.node("acc", TensorType(held, (1, 4, 11, outputs)), op, [x, w, b], "conv")
    y = builder.node(
        "y", TensorType(I8, (1, 4, 11, outputs)), fixed.Requantize(requantizers(outputs)), [acc]
    )
    return builder.finish([y])


def product_of_rows(depth: int, width: int) -> Graph:
    random = Random(0)
    builder = Builder("rows", Level.FIXED)
    a = builder.input("a", TensorType(IntType(8, False), (2, depth)))
    weights = [[random.randint(-128, 127) for _ in range(width)] for _ in range(depth)]
    w = builder.constant("w", TensorType(I8, (depth, width)), np.array(weights))
    op = fixed.MatMul(Accumulator(INT32), left_zero_point=7)
    acc = builder.node("acc", TensorType(INT32, (2, width)), op, [a, w])
    y = builder.node("y", TensorType(I8, (2, width)), fixed.Requantize(requantizers(width)), [acc])
    return builder.finish([y])


GRAPHS = {
    "convolution": lambda: convolution(4, 5),
    "depthwise": lambda: convolution(5, 5, groups=5),
    "grouped": lambda: convolution(4, 6, groups=2),
    "matmul": lambda: product_of_rows(37, 6),
    "one term": lambda: product_of_rows(1, 4),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_window_has_the_sum_it_is_for(name: str) -> None:
    (layer,), skipped = layers_of(GRAPHS[name]())
    vectors = layer_vectors(layer, 3)
    assert not skipped
    windows = windows_of(layer, vectors.targets)
    tensors = {each.name: each.array for each in vectors.tensors}
    assert np.array_equal(tensors["window"], windows)
    for number, target in enumerate(vectors.targets):
        codes = windows[number][layer.taps(target.channel)].ravel()
        assert all(layer.codes.contains(int(code)) for code in codes)
        total = layer.bias_of(target.channel) + sum(
            w * (int(x) - layer.zero_point)
            for w, x in zip(layer.row(target.channel), codes, strict=True)
        )
        assert total == target.total
        code = layer.requantizers[target.channel].apply(total)
        acc = tensors["acc"].reshape(len(windows), -1)[number, target.channel]
        y = tensors["y"].reshape(len(windows), -1)[number, target.channel]
        assert (int(acc), int(y)) == (total, code)
        assert int(tensors["stages/code"][number]) == code
        scaling = layer.requantizers[target.channel].scaling
        assert isinstance(scaling, MultiplyShift)
        assert int(tensors["stages/product"][number]) == total * scaling.multiplier
    if name != "one term":
        assert vectors.hit == vectors.reachable
    assert vectors.hit > 30 * len({each.channel for each in vectors.targets})


@pytest.mark.parametrize("name", GRAPHS)
def test_ties_are_ties(name: str) -> None:
    (layer,), _ = layers_of(GRAPHS[name]())
    seen: set[str] = set()
    for target in layer_vectors(layer, 3).targets:
        scaling = layer.requantizers[target.channel].scaling
        assert isinstance(scaling, MultiplyShift)
        half, product = 1 << (scaling.shift - 1), target.total * scaling.multiplier
        for bin in target.bins:
            if "tie" in bin:
                seen.add(bin)
                assert product % (2 * half) == half
                assert (product // (2 * half)) % 2 == ("odd" in bin)
                assert (product < 0) == ("negative" in bin)
    if name not in ("one term",):
        assert len(seen) >= 2


@pytest.mark.parametrize("overflow", [Overflow.WRAP, Overflow.SATURATE])
def test_sums_at_the_edge_of_the_word(overflow: Overflow) -> None:
    word = IntType(16, True)
    (layer,), _ = layers_of(convolution(4, 5, accumulator=Accumulator(word, overflow)))
    vectors = layer_vectors(layer, 0)
    tensors = {each.name: each.array for each in vectors.tensors}
    edges = {"negative": word.minimum, "positive": word.maximum}
    found = 0
    for number, target in enumerate(vectors.targets):
        held = int(tensors["acc"].reshape(len(vectors.targets), -1)[number, target.channel])
        cut = word.wrap if overflow is Overflow.WRAP else word.saturate
        assert held == cut(target.total)
        for bin in target.bins:
            for sign, edge in edges.items():
                if bin == f"accumulator word: last within the word, {sign}":
                    assert target.total == edge
                    found += 1
                if bin == f"accumulator word: first beyond the word, {sign}":
                    assert target.total == edge + (1 if edge > 0 else -1)
                    found += 1
    assert found >= 4 * len({target.channel for target in vectors.targets})


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.SATURATE_EACH_ADD])
def test_what_is_cut_on_the_way_is_no_hit(overflow: Overflow) -> None:
    tiles = PartialSums(8, IntType(14, True), overflow)
    accumulator = Accumulator(IntType(20, True), partial_sums=tiles)
    (layer,), _ = layers_of(convolution(4, 5, accumulator=accumulator))
    vectors = layer_vectors(layer, 0)
    tensors = {each.name: each.array for each in vectors.tensors}
    for number, target in enumerate(vectors.targets):
        held = int(tensors["acc"].reshape(len(vectors.targets), -1)[number, target.channel])
        assert target.bins[0].startswith("operands") or held == target.total
    assert any("holds" in each.why and not each.impossible for each in vectors.missed)


def test_vectors_that_trap_are_left_out() -> None:
    word = IntType(16, True)
    (layer,), _ = layers_of(convolution(4, 5, accumulator=Accumulator(word, Overflow.TRAP)))
    vectors = layer_vectors(layer, 0)
    assert all(word.contains(target.total) for target in vectors.targets)
    trapped = [each for each in vectors.missed if "traps" in each.why]
    assert any("first beyond the word" in each.bin for each in trapped)
    tensors = {each.name: each.array for each in vectors.tensors}
    assert tensors["acc"].tolist() == [target.total for target in vectors.targets]


def test_the_folder_holds_what_the_manifest_says(tmp_path: Path) -> None:
    coverage = write_vectors(convolution(4, 5), tmp_path / "one", 1)
    write_vectors(convolution(4, 5), tmp_path / "two", 1)
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    assert manifest == json.loads((tmp_path / "two" / "manifest.json").read_text())
    (entry,) = manifest["layers"]
    assert entry["vectors"] == len(coverage.layers[0].targets)
    with np.load(tmp_path / "one" / "acc" / "vectors.npz") as arrays:
        for file in entry["files"]:
            content = (tmp_path / "one" / file["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
            if file["name"] == "vectors":
                continue
            words = [int(line, 16) for line in content.decode().split()]
            signed = [w - (w >> (file["bits"] - 1) << file["bits"]) for w in words]
            assert signed == [int(value) for value in arrays[file["name"]].ravel()]
            assert list(arrays[file["name"]].shape) == file["shape"]


def test_what_cannot_be_solved_is_said() -> None:
    builder = Builder("pair", Level.FIXED)
    a = builder.input("a", TensorType(I8, (2, 3)))
    b = builder.input("b", TensorType(I8, (3, 2)))
    op = fixed.MatMul(Accumulator(INT32))
    acc = builder.node("acc", TensorType(INT32, (2, 2)), op, [a, b])
    layers, (skipped,) = layers_of(builder.finish([acc]))
    assert not layers
    assert skipped.why == "its weights are computed"


def test_a_tie_that_few_weights_reach_is_found_and_one_that_none_do_is_proved() -> None:
    """Of products by 5 and 7 alone, every sum that is a tie is compared with what is said."""
    proved = found = 0
    for first in range(3, 60, 2):
        builder = Builder("few", Level.FIXED)
        a = builder.input("a", TensorType(IntType(3, True), (1, 2)))
        weights = np.array([[first], [2 * first + 1]])
        w = builder.constant("w", TensorType(I8, (2, 1)), weights)
        op = fixed.MatMul(Accumulator(INT32))
        acc = builder.node("acc", TensorType(INT32, (1, 1)), op, [a, w])
        scaling = MultiplyShift(3, 4, Rounding.HALF_EVEN)
        requantize = fixed.Requantize((Requantizer(scaling, 0, -128, 127),))
        y = builder.node("y", TensorType(I8, (1, 1)), requantize, [acc])
        (layer,), _ = layers_of(builder.finish([y]))
        sums = {p * first + q * (2 * first + 1) for p in range(-4, 4) for q in range(-4, 4)}
        vectors = layer_vectors(layer, 0)
        for sign in ("negative", "positive"):
            for parity in (0, 1):
                bin = f"shift: tie, {'odd' if parity else 'even'} floor, {sign}"
                ties = {
                    s
                    for s in sums
                    if 3 * s % 16 == 8 and 3 * s // 16 % 2 == parity and (s < 0) == (sign[0] == "n")
                }
                hits = [each.total for each in vectors.targets if bin in each.bins]
                missed = [each for each in vectors.missed if each.bin == bin]
                assert bool(ties) == bool(hits)
                assert set(hits) <= ties
                assert all(each.impossible for each in missed)
                assert len(hits) + len(missed) == len({each.channel for each in vectors.targets})
                found += bool(hits)
                proved += bool(missed)
    assert found > 20
    assert proved > 20
