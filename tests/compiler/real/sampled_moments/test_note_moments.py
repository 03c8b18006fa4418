# SPDX-License-Identifier: Apache-2.0
"""What samples show of a layer is noted on it, where nothing is noted yet."""

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.real.sampled_moments.keep_positions import keep_positions
from intaglio.compiler.real.sampled_moments.note_moments import note_moments
from intaglio.compiler.real.statistics import (
    ChannelStatistics,
    read_channel_statistics,
    write_channel_statistics,
)
from intaglio.errors import InvalidData
from tests.compiler.real.building import parse, random, run

CONVOLUTIONS = """(float[n,3,8,8] x) => (float[n,2] y) {
    a = Conv<pads=[1,1,1,1]>(x, w0, b0)
    r = Relu(a)
    p = MaxPool<kernel_shape=[2,2]>(r)
    c = Conv(p, w1)
    g = GlobalAveragePool(c)
    f = Flatten(g)
    y = Gemm<transB=1>(f, w2)
}"""


def _network() -> ir.Model:
    return parse(
        CONVOLUTIONS,
        w0=random(1, 4, 3, 3, 3),
        b0=random(2, 4),
        w1=random(3, 5, 4, 2, 2),
        w2=random(4, 2, 5),
    )


def _noted(model: ir.Model) -> dict[str, ChannelStatistics]:
    values = [value for node in model.graph for value in node.outputs]
    found = {value.name or "": read_channel_statistics(value) for value in values}
    return {name: statistics for name, statistics in found.items() if statistics is not None}


def test_layers_alone_are_noted_and_behind_an_average_one_position_counts() -> None:
    model, images = _network(), random(5, 40, 3, 8, 8)
    outcome = note_moments(model, [{"x": images}], keep_positions(model))
    noted = _noted(outcome.model)
    assert list(noted) == ["a", "c", "y"]
    assert not _noted(model)
    assert outcome.channels == 4 + 5 + 2
    assert [note.where for note in outcome.notes] == ["a", "c", "y"]
    inner = model.clone()
    inner.graph.outputs.extend(v for n in inner.graph for v in n.outputs if v.name in ("a", "c"))
    arrays = {name: array.astype(np.float64) for name, array in run(inner, {"x": images}).items()}
    arrays["y"] = arrays["c"][:, :, 3, 3] @ random(4, 2, 5).astype(np.float64).T
    for name, statistics in noted.items():
        rows = np.moveaxis(arrays[name], 1, 0).reshape(len(statistics.mean), -1)
        np.testing.assert_allclose(statistics.mean, rows.mean(axis=1), atol=1e-5)
        np.testing.assert_allclose(statistics.std, rows.std(axis=1), rtol=1e-5)


def test_the_network_itself_is_run_where_no_other_is_given() -> None:
    model, images = _network(), random(5, 40, 3, 8, 8)
    noted = _noted(note_moments(model, [{"x": images}]).model)["y"]
    drawn = run(model, {"x": images})["y"].astype(np.float64)
    np.testing.assert_allclose(noted.std, drawn.std(axis=0), rtol=1e-5)


def test_what_is_noted_already_stays() -> None:
    model = _network()
    value = next(v for node in model.graph for v in node.outputs if v.name == "c")
    write_channel_statistics(value, np.arange(5.0), np.ones(5))
    outcome = note_moments(model, [{"x": random(5, 4, 3, 8, 8)}])
    assert _noted(outcome.model)["c"].mean == (0.0, 1.0, 2.0, 3.0, 4.0)
    again = note_moments(outcome.model, [])
    assert (again.channels, again.summary) == (0, "every layer has statistics")


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(1, 11), max_size=4, unique=True), level=st.floats(-100, 100))
def test_batches_of_any_size_add_up(cuts: list[int], level: float) -> None:
    model = parse(
        "(float[n,3] x) => (float[n,2] y) { y = Gemm<transB=1>(x, w) }", w=random(0, 2, 3)
    )
    rows = random(1, 12, 3) + np.float32(level)
    parts = np.split(rows, sorted(cuts))
    noted = _noted(note_moments(model, [{"x": part} for part in parts]).model)["y"]
    expected = (rows.astype(np.float64) @ random(0, 2, 3).T.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(noted.mean, expected.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(noted.std, expected.std(axis=0), rtol=1e-3, atol=1e-3)


def test_two_draws_agree_as_closely_as_independent_samples_do() -> None:
    # Of n independent samples, a mean has the standard error std / sqrt(n), a normal std
    # std / sqrt(2 n); the difference of two draws sqrt(2) of that. Five of these: one failure in
    # 10^5 for each of the channels, were the seeds drawn anew.
    count = 4000
    model = parse(
        """(float[n,6] x) => (float[n,6] y) {
            a = Gemm<transB=1>(x, w0)
            r = Relu(a)
            y = Gemm<transB=1>(r, w1)
        }""",
        w0=random(1, 8, 6),
        w1=random(2, 6, 8),
    )
    first, second = (
        _noted(note_moments(model, [{"x": random(seed, count, 6)}]).model)["y"] for seed in (3, 4)
    )
    std = np.array(first.std)
    off = np.abs(np.array(first.mean) - second.mean) / std
    assert (off < 5 * np.sqrt(2 / count)).all()
    # Twice as much for stds: what comes after a Relu has longer tails than the normal.
    assert (np.abs(np.array(second.std) / std - 1) < 10 / np.sqrt(count)).all()


def test_a_constant_channel_has_no_spread() -> None:
    weights = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
    model = parse(
        "(float[n,2] x) => (float[n,2] y) { y = Gemm<transB=1>(x, w, b) }",
        w=weights,
        b=np.array([1000.1, 0.0], np.float32),
    )
    noted = _noted(note_moments(model, [{"x": random(0, 50, 2)}]).model)["y"]
    assert noted.std[0] == 0.0
    assert noted.std[1] > 1.0


def test_what_overflows_is_refused_by_name() -> None:
    model = parse(
        "(float[n,2] x) => (float[n,2] y) { y = Gemm<transB=1>(x, w) }",
        w=np.full((2, 2), 3e38, np.float32),
    )
    with pytest.raises(InvalidData, match=r"value y: found NaN or infinite.*--input-range"):
        note_moments(model, [{"x": 9 * np.ones((2, 2), np.float32)}])
