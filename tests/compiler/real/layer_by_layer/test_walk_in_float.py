# SPDX-License-Identifier: Apache-2.0
"""The walk node by node equals the network run at once, in float and as the quantized file."""

import numpy as np
import pytest

from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult
from intaglio.compiler.real.layer_by_layer.walk_in_float import UNQUANTIZED, walk_in_float
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, parse, random, random_feeds, run
from tests.compiler.real.quantizing import quantize
from tests.compiler.real.walking import CONSTANTS, LAYERS, TEXT, Reals, means


def channel_means(array: Array) -> Reals:
    means: Reals = LayerResult([array]).means().mean(axis=0)
    return means


def test_shows_each_layer_once_with_the_mean_of_all_samples() -> None:
    model = parse(TEXT, **CONSTANTS)
    batches = [random_feeds(model, 1, 3), random_feeds(model, 2, 1)]
    shown = means(model, UNQUANTIZED, batches)
    assert list(shown) == LAYERS
    opened = model.clone()
    opened.graph.outputs.extend(
        v for node in opened.graph for v in node.outputs if v.name in {"a", "c", "f"}
    )
    whole = run(opened, {"x": np.concatenate([feeds["x"] for feeds in batches])})
    for name, mean in shown.items():
        assert mean == pytest.approx(channel_means(whole[name]), abs=1e-5)


def test_what_a_visit_adds_stands_in_the_bias_for_all_that_follows() -> None:
    model, shifted = parse(TEXT, **CONSTANTS), dict(CONSTANTS)
    shift = np.array([0.5, -1.0, 2.0, 0.25], np.float32)
    shifted["b1"] = shifted["b1"] + shift
    batches = [random_feeds(model, 1, 3)]
    found: dict[str, Reals] = {}

    def adding(name: str, result: LayerResult) -> Reals:
        found[name] = result.means().mean(axis=0)
        return shift.astype(np.float64) if name == "a" else np.zeros(1)

    walk_in_float(model, UNQUANTIZED, batches, adding)
    expected = means(parse(TEXT, **shifted), UNQUANTIZED, batches)
    for name in ("c", "f", "y"):
        assert found[name] == pytest.approx(expected[name], abs=1e-5)
    assert np.abs(found["a"] - expected["a"]).max() == pytest.approx(2.0, abs=1e-5)


def test_equals_the_quantized_file() -> None:
    result = quantize(TEXT, **CONSTANTS)
    feeds = random_feeds(result.normalized, 3, 4)
    shown = means(result.normalized, result.plan, [feeds])
    # Only the last value's own codes are missing from what the file returns.
    activations = {k: v for k, v in result.plan.activations.items() if k != "y"}
    plan = QuantizationPlan(activations, result.plan.constants)
    file = insert_quantization(result.normalized, plan)
    expected = channel_means(run(file, feeds, optimize=False)["y"])
    assert shown["y"] == pytest.approx(expected, abs=1e-5)


def test_the_data_is_left_as_it_is() -> None:
    model = parse("(float[N, 2, 3] x) => (float[N, 2, 3] y) { y = Conv (x, w) }",
                  w=random(0, 2, 2, 1))  # fmt: skip
    feeds = random_feeds(model, 1, 2)
    before = feeds["x"].copy()
    walk_in_float(model, UNQUANTIZED, [feeds], lambda _, result: np.ones(2))
    assert (feeds["x"] == before).all()


def test_refuses_a_batch_without_an_input() -> None:
    model = parse("(float[N, 3] x) => (float[N, 2] y) { y = Gemm (x, w) }", w=random(0, 3, 2))
    with pytest.raises(InvalidData, match="a batch: found z, expected an array for input x"):
        walk_in_float(model, UNQUANTIZED, [{"z": random(0, 1, 3)}], lambda _, result: np.ones(1))
