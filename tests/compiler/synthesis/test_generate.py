# SPDX-License-Identifier: Apache-2.0
"""Inputs are moved downhill, reproducibly, and within their range."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray

from intaglio.compiler.synthesis.coordinates import Coordinates
from intaglio.compiler.synthesis.distances import TensorTarget
from intaglio.compiler.synthesis.generate import Part, generate
from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.compiler.synthesis.input_description import InputDescription
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.losses import Losses
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.errors import InvalidData
from tests.compiler.real.building import parse, random
from tests.compiler.synthesis.describing import described
from tests.compiler.synthesis.trained import moments

OPTIONS = SynthesisOptions("batch-norm", iterations=15)
CONVOLUTION = "(float[N,2,6,6] x) => (y) { a = Conv(x, w) y = Relu(a) }"
MODEL = parse(CONVOLUTION, w=random(0, 3, 2, 3, 3))
TARGET = LayerTarget("a", np.array([0.5, -1.0, 2.0]), np.array([1.0, 3.0, 0.5]))
START = {"x": random(1, 4, 2, 6, 6)}


def made(
    options: SynthesisOptions,
    model: ir.Model = MODEL,
    *,
    start: Mapping[str, NDArray[np.float32]] = START,
    target: LayerTarget = TARGET,
    image: InputDescription | None = None,
    first: int = 0,
    said: list[tuple[int, float]] | None = None,
) -> Part:
    like = torch.zeros(())
    coordinates = {
        name: Coordinates.of(image or described(*array.shape[1:]), like)
        for name, array in start.items()
    }
    losses = Losses(options, coordinates, [TensorTarget.of(target, like)], None)
    count = len(next(iter(start.values())))
    told = said if said is not None else []

    def report(iteration: int, loss: float) -> None:
        told.append((iteration, loss))

    labels = np.zeros(count, np.int64)
    return generate(GraphModule(model), losses, start, labels, first, report)


def test_the_loss_falls_and_is_told() -> None:
    said: list[tuple[int, float]] = []
    part = made(OPTIONS, said=said)
    totals = part.losses["total"]
    assert totals[-1] < totals[0] / 3
    assert [iteration for iteration, _ in said] == list(range(1, 16))
    assert [loss for _, loss in said] == totals
    summed = np.add(part.losses["layers"], part.losses["input"])
    np.testing.assert_allclose(summed, totals, rtol=1e-5)
    assert list(part.losses) == ["layers", "input", "total"]


def test_what_is_given_stays_as_it_is() -> None:
    given = START["x"].copy()
    part = made(OPTIONS)
    assert (START["x"] == given).all()
    assert part.inputs["x"].shape == given.shape
    assert part.inputs["x"].dtype == np.float32
    assert (part.inputs["x"] != given).any()


EVERYTHING = replace(
    OPTIONS,
    variation_weight=0.1,
    l2_weight=0.1,
    correlation_weight=1.0,
    weighting="layerwise",
    distance="slack",
)


@pytest.mark.parametrize("options", [OPTIONS, EVERYTHING])
def test_equal_seeds_make_equal_bytes(options: SynthesisOptions) -> None:
    once = made(options)
    torch.rand(3)  # whatever happened in between
    again = made(options)
    assert once.inputs["x"].tobytes() == again.inputs["x"].tobytes()
    assert once.losses == again.losses


@pytest.mark.parametrize("weights", [{"variation_weight": 1.0}, {"correlation_weight": 1.0}])
def test_shifts_and_comparisons_are_drawn_from_the_seed_and_the_first_sample(
    weights: dict[str, Any],
) -> None:
    # An eighth of 16 positions: there are shifts.
    start = {"x": random(1, 4, 2, 16, 16)}
    drawn = replace(OPTIONS, iterations=3, **weights)
    plain = made(drawn, start=start).inputs["x"]
    assert (made(replace(drawn, seed=1), start=start).inputs["x"] != plain).any()
    assert (made(drawn, start=start, first=4).inputs["x"] != plain).any()


def test_nothing_leaves_the_range_even_at_a_high_rate() -> None:
    image = described(2, 6, 6, low=-0.3, high=0.7, mean=0.1, std=0.17)
    part = made(replace(OPTIONS, learning_rate=50.0), image=image)
    found = part.inputs["x"]
    assert found.min() == np.float32(-0.3)
    assert found.max() == np.float32(0.7)


def test_no_iterations_leave_what_they_start_from() -> None:
    part = made(replace(OPTIONS, iterations=0))
    np.testing.assert_allclose(part.inputs["x"], START["x"], rtol=1e-6)
    assert part.losses == {}


def test_a_single_sample() -> None:
    start = {"x": START["x"][:1]}
    part = made(EVERYTHING, start=start)
    assert part.inputs["x"].shape == (1, 2, 6, 6)
    # It has no other sample to be like.
    assert "correlation" not in part.losses


def test_a_convolution_of_zeros_moves_nothing_but_keeps_all_finite() -> None:
    still = parse(CONVOLUTION, w=np.zeros((3, 2, 3, 3), np.float32))
    for distance in ("l2", "slack", "z-score", "relative"):
        for mean in (0.0, 1.0):
            target = LayerTarget("a", np.full(3, mean), np.zeros(3))
            options = replace(OPTIONS, iterations=3, input_weight=0.0, distance=distance)
            part = made(options, still, target=target)
            np.testing.assert_allclose(part.inputs["x"], START["x"], rtol=1e-6)


def test_a_loss_that_diverges_stops_with_what_to_change() -> None:
    image = described(2, 6, 6, low=-1e30, high=1e30)
    with pytest.raises(InvalidData, match=r"(inf|nan) after 2 .*--set learning_rate=1e\+24"):
        made(replace(OPTIONS, learning_rate=1e25), image=image)
    image = described(2, 6, 6, low=-1e5, high=1e5)
    with pytest.raises(InvalidData, match=r"after \d\d iterations.*learning_rate=1e\+08"):
        made(replace(OPTIONS, learning_rate=1e9, iterations=200), image=image)


def test_a_start_that_fits_may_be_left_for_a_while() -> None:
    mean, std = moments(MODEL, START, ["a"])["a"]
    target = LayerTarget("a", 100 * mean, 100 * std)
    wide = parse(CONVOLUTION, w=100 * random(0, 3, 2, 3, 3))
    options = replace(OPTIONS, statistics="batch", iterations=40, input_weight=0.0)
    totals = made(options, wide, target=target).losses["total"]
    assert totals[1] > 100 * max(totals[0], 1)
    assert totals[-1] < totals[1] / 100


def test_a_loss_that_is_no_number_from_the_start_is_another_matter() -> None:
    broken = parse(CONVOLUTION, w=np.full((3, 2, 3, 3), np.nan, np.float32))
    with pytest.raises(InvalidData, match=r"nan before anything was changed.*--input-range"):
        made(OPTIONS, broken)


def test_samples_that_are_no_numbers_are_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    def rooted(
        module: GraphModule, feeds: Mapping[str, torch.Tensor], watched: Collection[str]
    ) -> dict[str, torch.Tensor]:
        # At zero the square root has no gradient: infinity times nothing.
        return {"a": torch.sqrt(0 * feeds["x"])}

    monkeypatch.setattr(GraphModule, "forward", rooted)
    target = LayerTarget("a", np.ones(2), np.ones(2))
    with pytest.raises(InvalidData, match=r"input x: found NaN, .*learning_rate=0\.05"):
        made(replace(OPTIONS, iterations=1), target=target)


def test_several_inputs_are_moved_together() -> None:
    text = """(float[N,2,6,6] x, float[N,3,6,6] z) => (y) {
        b = Conv(x, w) c = Conv(z, v) a = Add(b, c) y = Relu(a)
    }"""
    model = parse(text, w=random(0, 3, 2, 1, 1), v=random(1, 3, 3, 1, 1))
    start = {"x": random(2, 4, 2, 6, 6), "z": random(3, 4, 3, 6, 6)}
    part = made(EVERYTHING, model, start=start)
    for name, array in start.items():
        assert part.inputs[name].shape == array.shape
        assert (part.inputs[name] != array).any()
    assert part.losses["layers"][-1] < part.losses["layers"][0]


def test_the_rate_falls_where_the_loss_does_not() -> None:
    # The target can't be reached: values at the ends of the range swing no more in the end.
    image = described(2, 6, 6, low=-1.0, high=1.0)
    part = made(replace(OPTIONS, iterations=60, learning_rate=2.0), image=image)
    last = part.losses["total"][-10:]
    assert max(last) - min(last) < 0.1 * (part.losses["total"][0] - last[-1])
