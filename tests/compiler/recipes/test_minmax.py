# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator

import pytest

from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from intaglio.errors import InvalidData, UnsupportedModel
from tests.compiler.real.building import parse, random, random_feeds

TEXT = "(float[N,4] x) => (y) { h = Gemm(x, w)  y = Relu(h) }"


def test_the_result_says_how_it_came_about() -> None:
    model = parse(TEXT, w=random(1, 4, 3))
    told: list[int] = []
    data = [random_feeds(model, seed) for seed in range(3)]
    result = quantize_minmax(
        model, data, QuantizationOptions(), lambda done, total: told.append(done)
    )
    assert told == [1, 2, 3]
    assert result.statistics.samples == 6
    assert set(result.statistics.values) == {"x", "y"} == set(result.plan.activations)
    highest = max(float(feeds["x"].max()) for feeds in data)
    assert result.statistics.values["x"].maximum == highest


def test_an_unsupported_model_is_refused_before_any_data_is_read() -> None:
    def data() -> Iterator[Feeds]:
        raise AssertionError("data was read")
        yield {}

    model = parse("(float[N,4] x) => (y) { a = Erf(x)  y = Sin(a) }")
    with pytest.raises(UnsupportedModel) as caught:
        quantize_minmax(model, data(), QuantizationOptions())
    assert len(caught.value.problems) == 2


def test_no_data_is_refused() -> None:
    with pytest.raises(InvalidData, match="at least one"):
        quantize_minmax(parse(TEXT, w=random(1, 4, 3)), [], QuantizationOptions())
