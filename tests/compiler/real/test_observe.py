# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real import observe as observing
from intaglio.compiler.real.observe import observe
from intaglio.compiler.real.statistics import ValueStatistics
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, parse, random, run

TEXT = """(float[N,4] x) => (y) {
    a = Gemm(x, w)
    r = Relu(a)
    y = Gemm(r, w) }"""


def batches(count: int) -> list[dict[str, Array]]:
    return [{"x": random(10 + i, 1 + i, 4)} for i in range(count)]


def test_extremes_over_all_batches() -> None:
    model, data = parse(TEXT, w=random(1, 4, 4)), batches(3)
    statistics = observe(model, iter(data))
    together = np.concatenate([feeds["x"] for feeds in data])
    hidden = np.concatenate(
        [run(parse(TEXT.replace("(y)", "(a, y)"), w=random(1, 4, 4)), f)["a"] for f in data]
    )
    assert set(statistics.values) == {"x", "a", "r", "y"}
    assert statistics.samples == 6
    assert statistics.values["x"] == ValueStatistics(
        float(together.min()), float(together.max()), 24
    )
    assert statistics.values["a"] == ValueStatistics(float(hidden.min()), float(hidden.max()), 24)
    assert statistics.values["r"].minimum == 0.0


def test_only_named_values() -> None:
    statistics = observe(parse(TEXT, w=random(1, 4, 4)), batches(1), {"r"})
    assert set(statistics.values) == {"r"}


def test_small_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = parse(TEXT, w=random(1, 4, 4))
    whole = observe(model, batches(2))
    monkeypatch.setattr(observing, "MAXIMUM_BYTES_HELD", 1)
    assert observe(model, batches(2)) == whole


@pytest.mark.parametrize("known", [True, False])
def test_progress_is_told_after_each_batch(known: bool) -> None:
    told: list[tuple[int, int | None]] = []
    data = batches(2)
    observe(
        parse(TEXT, w=random(1, 4, 4)),
        data if known else iter(data),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2 if known else None), (2, 2 if known else None)]


def test_no_data_is_refused() -> None:
    with pytest.raises(InvalidData, match="no sample"):
        observe(parse(TEXT, w=random(1, 4, 4)), [])


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({"z": random(1, 1, 4)}, "an array for input x"),
        ({"x": random(1, 1, 5)}, r"x float32\[1, 5\]"),
        ({"x": np.full((1, 4), np.nan, dtype=np.float32)}, "value x: found NaN or infinite"),
    ],
)
def test_data_that_does_not_fit_is_refused(feeds: dict[str, Array], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        observe(parse(TEXT, w=random(1, 4, 4)), [feeds])


def test_a_value_that_overflows_is_named() -> None:
    model = parse("(float[N,4] x) => (y) { big = Mul(x, x)  y = Relu(big) }")
    with pytest.raises(InvalidData, match="value big"):
        observe(model, [{"x": np.full((1, 4), 1e30, dtype=np.float32)}])
