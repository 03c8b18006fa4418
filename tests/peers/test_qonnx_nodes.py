# SPDX-License-Identifier: Apache-2.0
"""Single nodes of QONNX, with values on every tie and every end, against qonnx's execution."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Job, WholeModel, run_peer
from tests.frontends.onnx.qonnx.models import content, model_of, quantizer, scalar
from tests.peers.qonnx.tensors import Floats, imported, name_of, reals

pytestmark = pytest.mark.peer

MODES = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
SCALES = (0.25, 0.1, 27.76845359802246)


@dataclass(frozen=True)
class Case:
    """A model with one node, and what to feed it."""

    label: str
    content: bytes
    x: Floats


def near(codes: Sequence[int], scale: float, zero_point: int) -> Floats:
    """Every code's number, every tie, their neighbours in float32, and what saturates."""
    steps = (np.arange(-8, 9) / 8).reshape(-1, 1)
    middle = ((np.array(codes) - zero_point + steps) * np.float64(scale)).astype(np.float32).ravel()
    up, down = np.nextafter(middle, np.float32(np.inf)), np.nextafter(middle, np.float32(-np.inf))
    odd = np.array([0.0, -0.0, 0.49999997, -0.49999997, 1e-40, 3e38, -3e38], np.float32)
    return np.concatenate([middle, up, down, odd])


def assert_all_equal(cases: Sequence[Case]) -> None:
    """Every case gives the numbers of qonnx."""
    jobs = [Job(case.label, WholeModel(case.content), [[case.x]]) for case in cases]
    for case, result in zip(cases, run_peer(Peer.QONNX, jobs).results, strict=True):
        ours = imported(model_of(case.content))
        found = ours.run([case.x])[name_of("y")]
        kept = ours.scaled.definitions[name_of("y")].type
        mine = found if kept.quantization is None else reals(found, kept)
        theirs = result.outputs[0].values[0]
        differs = np.argwhere(mine != theirs)
        assert differs.size == 0, (
            f"{case.label}: {case.x[tuple(differs[0])]!r} gives {mine[tuple(differs[0])]}, "
            f"in qonnx {theirs[tuple(differs[0])]}"
        )


def quant_case(bits: int, signed: int, narrow: int, mode: str, scale: float, zero: int) -> Case:
    top = 1 << bits
    every = range(-top // 2 - 2, top + 2)
    codes = list(every) if bits <= 5 else [*every[:9], *range(-7, 9), *every[-9:], top // 2 - 1]
    x = near(codes, scale, zero)
    node = quantizer(
        "Quant", ["x", "s", "z", "b"], "y", signed=signed, narrow=narrow, rounding_mode=mode
    )
    constants = {"s": scalar(scale), "z": scalar(zero), "b": scalar(bits)}
    label = f"{bits} bits, signed {signed}, narrow {narrow}, {mode}, scale {scale}, zero {zero}"
    return Case(label, content([node], x.shape, constants), x)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("signed", [0, 1])
def test_quant_of_every_short_width(mode: str, signed: int) -> None:
    cases: list[Case] = []
    for bits in range(1, 9):
        for narrow in (0, 1):
            scale, zero = SCALES[(bits + narrow) % 3], (0, 1, -3)[(bits // 2 + narrow) % 3]
            cases.append(quant_case(bits, signed, narrow, mode, scale, zero))
    assert_all_equal(cases)


@pytest.mark.parametrize("bits", range(9, 17))
def test_quant_of_long_widths(bits: int) -> None:
    mode, signed = MODES[bits % 8], bits % 2
    assert_all_equal([quant_case(bits, signed, bits // 2 % 2, mode, SCALES[bits % 3], 5)])


def test_a_zero_point_of_integers_is_added_in_double() -> None:
    x = near(range(-9, 10), 0.1, 3)
    node = quantizer(
        "Quant", ["x", "s", "z", "b"], "y", signed=1, narrow=0, rounding_mode="HALF_UP"
    )
    constants = {"s": scalar(0.1), "z": np.array(3), "b": np.array(4)}
    assert_all_equal([Case("int64 zero point", content([node], x.shape, constants), x)])


@pytest.mark.parametrize("scale", SCALES)
def test_bipolar_quant(scale: float) -> None:
    x = near([-1, 0, 1], scale, 0)
    node = quantizer("BipolarQuant", ["x", "s"], "y")
    assert_all_equal([Case("bipolar", content([node], x.shape, {"s": scalar(scale)}), x)])


def trunc_case(mode: str, signed: int, scale: float, zero: int, version: int, left: int) -> Case:
    """A Quant to 6 bits, then a Trunc of its codes."""
    quant = quantizer(
        "Quant", ["x", "s", "z", "b"], "q", signed=signed, narrow=0, rounding_mode="ROUND"
    )
    constants = {"s": scalar(scale), "z": scalar(zero), "b": scalar(6), "left": scalar(left)}
    if version == 1:
        operands = ["q", "s", "z", "b", "left"]
        trunc = quantizer("Trunc", operands, "y", rounding_mode=mode)
    else:
        constants["out"] = scalar(scale * 4)
        operands = ["q", "s", "z", "b", "out", "left"]
        trunc = quantizer("Trunc", operands, "y", rounding_mode=mode, signed=signed, narrow=0)
    x = near(range(-40, 72), scale, zero)
    label = f"Trunc {version}, {mode}, signed {signed}, scale {scale}, zero {zero}, left {left}"
    return Case(label, content([quant, trunc], x.shape, constants, version=version), x)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("signed", [0, 1])
def test_trunc(version: int, signed: int) -> None:
    cases = [
        trunc_case(mode, signed, scale, 0 if number % 2 else 4, version, left)
        for number, mode in enumerate(MODES)
        for scale in (0.25, 0.1)
        for left in (3, 4)
    ]
    assert_all_equal(cases)


def threshold_case(
    shape: Sequence[int], axis: int, scale: float, bias: float, layout: str, shared: bool
) -> Case:
    channels = 1 if shared else shape[axis]
    rng = np.random.default_rng(channels)
    rows = np.sort(rng.integers(-12, 12, (channels, 7)) / 4, axis=1).astype(np.float32)
    x = (rng.integers(-60, 60, tuple(shape)) / 16).astype(np.float32)
    node = quantizer(
        "MultiThreshold",
        ["x", "t"],
        "y",
        out_scale=scale,
        out_bias=bias,
        out_dtype="INT4",
        data_layout=layout,
    )
    label = f"thresholds {tuple(shape)} {layout} scale {scale} bias {bias}"
    return Case(label, content([node], shape, {"t": rows}), x)


def test_multi_threshold() -> None:
    layouts = [
        ((50, 3), 1, ""),
        ((2, 3, 4, 5), 1, "NCHW"),
        ((2, 3, 4, 5), 1, ""),
        ((2, 4, 5, 3), 3, "NHWC"),
        ((2, 4, 3), 2, ""),
        ((2, 3, 4), 1, "NCW"),
    ]
    meanings = [(1.0, 0.0), (0.5, -2.0), (2.0, -7.0), (0.1, 0.0), (-0.25, 1.0), (3.0, -10.5)]
    cases = [
        threshold_case(shape, axis, scale, bias, layout, shared)
        for shape, axis, layout in layouts
        for scale, bias in meanings
        for shared in (False, True)
    ]
    assert_all_equal(cases)


def test_the_values_meet_ties() -> None:
    """Without the ties a wrong mode could pass."""
    tied = near(range(-9, 10), 0.25, 1).astype(np.float64) / 0.25
    assert ((tied - np.floor(tied)) == 0.5).sum() >= 19
