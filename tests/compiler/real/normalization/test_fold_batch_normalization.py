# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.normalization.fold_batch_normalization import fold_batch_normalization
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.statistics import read_channel_statistics
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import (
    Array,
    assert_same_function,
    initializer,
    ops,
    parse,
    random,
)


def normalization(channels: int, seed: int = 50) -> dict[str, Array]:
    """Parameters g, b, m, v; a negative gamma among them."""
    gamma = random(seed, channels)
    gamma[0] = -abs(gamma[0])
    return {
        "g": gamma,
        "b": random(seed + 1, channels),
        "m": random(seed + 2, channels),
        "v": random(seed + 3, channels) ** 2,
    }


def folded(text: str, **constants: Array) -> ir.Model:
    """The folded model, checked to compute what the given one does."""
    model = parse(text, **constants)
    before = ops(model)
    result = fold_batch_normalization(model)
    assert ops(model) == before
    assert "BatchNormalization" not in ops(result)
    assert_same_function(model, result)
    return result


BN = "BatchNormalization"


def test_after_a_convolution() -> None:
    result = folded(
        f"""(float[N,2,5,5] x) => (float[N,3,5,5] y) {{
            c = Conv<pads=[1,1,1,1]>(x, w, k)
            y = {BN}<epsilon=0.001>(c, g, b, m, v) }}""",
        w=random(1, 3, 2, 3, 3), k=random(2, 3), **normalization(3),
    )  # fmt: skip
    assert ops(result) == ["Conv"]
    assert list(result.graph.initializers) == ["w", "k"]


def test_after_a_grouped_convolution_without_bias() -> None:
    result = folded(
        f"""(float[N,4,5,5] x) => (float[N,6,5,5] y) {{
            c = Conv<group=2, pads=[1,1,1,1]>(x, w)
            y = {BN}(c, g, b, m, v) }}""",
        w=random(1, 6, 2, 3, 3), **normalization(6),
    )  # fmt: skip
    assert ops(result) == ["Conv"]


@pytest.mark.parametrize("groups", [1, 2])
def test_after_a_transposed_convolution(groups: int) -> None:
    result = folded(
        f"""(float[N,4,5,5] x) => (y) {{
            c = ConvTranspose<group={groups}, strides=[2,2]>(x, w, k)
            y = {BN}(c, g, b, m, v) }}""",
        w=random(1, 4, 3, 2, 2), k=random(2, 3 * groups), **normalization(3 * groups),
    )  # fmt: skip
    assert ops(result) == ["ConvTranspose"]


@pytest.mark.parametrize(("transposed", "shape"), [(0, (4, 3)), (1, (3, 4))])
def test_after_a_matrix_product(transposed: int, shape: tuple[int, int]) -> None:
    result = folded(
        f"""(float[N,4] x) => (float[N,3] y) {{
            c = Gemm<transB={transposed}>(x, w, k)
            y = {BN}(c, g, b, m, v) }}""",
        w=random(1, *shape), k=random(2, 3), **normalization(3),
    )  # fmt: skip
    assert ops(result) == ["Gemm"]


def test_before_a_convolution_without_padding() -> None:
    result = folded(
        f"""(float[N,4,5,5] x) => (float[N,6,3,3] y) {{
            n = {BN}(x, g, b, m, v)
            y = Conv<group=2>(n, w, k) }}""",
        w=random(1, 6, 2, 3, 3), k=random(2, 6), **normalization(4),
    )  # fmt: skip
    assert ops(result) == ["Conv"]


def test_before_a_matrix_product() -> None:
    result = folded(
        f"""(float[N,4] x) => (float[N,3] y) {{
            n = {BN}(x, g, b, m, v)
            y = Gemm(n, w) }}""",
        w=random(1, 4, 3), **normalization(4),
    )  # fmt: skip
    assert ops(result) == ["Gemm"]


def test_before_a_padded_convolution_it_stands_alone() -> None:
    result = folded(
        f"""(float[N,4,5,5] x) => (float[N,6,5,5] y) {{
            n = {BN}(x, g, b, m, v)
            y = Conv<pads=[1,1,1,1]>(n, w) }}""",
        w=random(1, 6, 4, 3, 3), **normalization(4),
    )  # fmt: skip
    assert ops(result) == ["Conv", "Conv"]


def test_before_a_transposed_convolution_it_stands_alone() -> None:
    result = folded(
        f"""(float[N,4,5,5] x) => (y) {{
            n = {BN}(x, g, b, m, v)
            y = ConvTranspose<strides=[2,2]>(n, w) }}""",
        w=random(1, 4, 3, 3, 3), **normalization(4),
    )  # fmt: skip
    assert ops(result) == ["Conv", "ConvTranspose"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("N,3", ["Unsqueeze", "Conv", "Squeeze"]), ("N,3,7", ["Conv"]), ("N,3,5,5", ["Conv"])],
)
def test_alone(shape: str, expected: list[str]) -> None:
    result = folded(
        f"""(float[{shape}] x) => (y) {{
            n = {BN}(x, g, b, m, v)
            y = Relu(n) }}""",
        **normalization(3),
    )
    assert ops(result) == [*expected, "Relu"]


def test_a_convolution_that_others_read_keeps_its_weights() -> None:
    result = folded(
        f"""(float[N,2,5,5] x) => (y, z) {{
            c = Conv(x, w)
            y = {BN}(c, g, b, m, v)
            z = Relu(c) }}""",
        w=random(1, 3, 2, 3, 3), **normalization(3),
    )  # fmt: skip
    assert sorted(ops(result)) == ["Conv", "Conv", "Relu"]


def test_a_convolution_that_keeps_its_weights_has_the_statistics_of_training() -> None:
    constants = {"w": random(1, 3, 2, 3, 3), **normalization(3)}
    result = folded(
        f"""(float[N,2,5,5] x) => (y, z) {{
            c = Conv(x, w)
            y = {BN}(c, g, b, m, v)
            z = Relu(c) }}""",
        **constants,
    )
    (source,) = (node.outputs[0] for node in result.graph if node.outputs[0].name == "c")
    noted = read_channel_statistics(source)
    assert noted is not None
    np.testing.assert_array_equal(noted.mean, constants["m"])
    np.testing.assert_allclose(noted.std, np.sqrt(constants["v"].astype(np.float64)), rtol=1e-12)


def test_what_an_earlier_normalization_noted_stays() -> None:
    constants = {"w": random(1, 3, 2, 3, 3), **normalization(3)}
    later = {f"{name}2": array for name, array in normalization(3, seed=70).items()}
    result = folded(
        f"""(float[N,2,5,5] x) => (y, z) {{
            c = Conv(x, w)
            n = {BN}(c, g, b, m, v)
            y = {BN}(n, g2, b2, m2, v2)
            z = Relu(n) }}""",
        **constants,
        **later,
    )
    (source,) = (node.outputs[0] for node in result.graph if node.outputs[0].name == "n")
    noted = read_channel_statistics(source)
    assert noted is not None
    np.testing.assert_array_equal(noted.mean, constants["b"])


def test_a_convolution_that_the_graph_returns_keeps_its_weights() -> None:
    folded(
        f"""(float[N,2,5,5] x) => (c, y) {{
            c = Conv(x, w)
            y = {BN}(c, g, b, m, v) }}""",
        w=random(1, 3, 2, 3, 3), **normalization(3),
    )  # fmt: skip


def test_weights_that_two_convolutions_share_are_folded_apart() -> None:
    result = folded(
        f"""(float[N,2,5,5] x) => (y, z) {{
            c = Conv(x, w, k)
            y = {BN}(c, g, b, m, v)
            r = Relu(x)
            z = Conv(r, w, k) }}""",
        w=random(1, 3, 2, 3, 3), k=random(2, 3), **normalization(3),
    )  # fmt: skip
    assert sorted(ops(result)) == ["Conv", "Conv", "Relu"]


def test_a_dead_channel_keeps_its_bias_and_has_no_spread() -> None:
    parameters = normalization(3)
    parameters["v"][1] = 0.0
    weight = random(1, 3, 2, 3, 3)
    weight[1] = 0.0
    parameters["m"][1] = 0.0
    result = folded(
        f"""(float[N,2,5,5] x) => (y) {{
            c = Conv(x, w)
            y = {BN}<epsilon=0.001>(c, g, b, m, v) }}""",
        w=weight, **parameters,
    )  # fmt: skip
    found = read_channel_statistics(result.graph.outputs[0])
    assert found is not None
    assert found.std[1] == 0.0
    assert found.mean == tuple(parameters["b"].astype(float).tolist())
    assert float(initializer(result, "c_bias")[1]) == float(parameters["b"][1])


def test_the_noted_spread_is_not_gamma_where_the_variance_is_small() -> None:
    parameters = normalization(3)
    parameters["v"][:] = [1e-8, 1e-3, 4.0]
    parameters["g"][:] = [2.0, -2.0, 2.0]
    result = folded(
        f"""(float[N,2,5,5] x) => (y) {{
            c = Conv(x, w)
            n = {BN}<epsilon=0.001>(c, g, b, m, v)
            y = Relu(n) }}""",
        w=random(1, 3, 2, 3, 3), **parameters,
    )  # fmt: skip
    normalized = next(v for node in result.graph for v in node.outputs if v.name == "n")
    found = read_channel_statistics(normalized)
    assert found is not None
    variance = parameters["v"].astype(np.float64)
    epsilon = np.float64(np.float32(0.001))
    np.testing.assert_allclose(found.std, 2.0 * np.sqrt(variance / (variance + epsilon)))
    assert found.std[0] < 0.01


@pytest.mark.parametrize(
    ("variance", "epsilon"), [(0.0, 0.0), (-1.0, 2.0)], ids=["zero", "negative"]
)
def test_a_variance_that_is_none_is_refused(variance: float, epsilon: float) -> None:
    parameters = normalization(2)
    parameters["v"][:] = variance
    text = f"(float[N,2] x) => (y) {{ y = {BN}<epsilon={epsilon}>(x, g, b, m, v) }}"
    with pytest.raises(UnsupportedModel, match=r"node y \(BatchNormalization\): a variance is"):
        fold_batch_normalization(parse(text, **parameters))


def test_computed_parameters_are_refused() -> None:
    text = f"""(float[N,2] x, float[2] q) => (y) {{
        s = Relu(q)
        y = {BN}(x, s, b, m, v) }}"""
    parameters = normalization(2)
    del parameters["g"]
    with pytest.raises(UnsupportedModel, match="a parameter is computed"):
        fold_batch_normalization(parse(text, **parameters))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("parameter", "called"), [("g", "scale"), ("b", "bias"), ("m", "mean"), ("v", "variance")]
)
def test_parameters_that_are_no_numbers_are_refused(
    parameter: str, called: str, wrong: float
) -> None:
    parameters = normalization(3)
    parameters[parameter][1] = wrong
    text = f"(float[N,3] x) => (y) {{ y = {BN}(x, g, b, m, v) }}"
    with pytest.raises(
        UnsupportedModel, match=rf"node y .*: its {called} is NaN or infinite in channel 1"
    ):
        fold_batch_normalization(parse(text, **parameters))


def test_the_channels_of_a_bad_variance_are_named() -> None:
    parameters = normalization(8)
    parameters["v"][:] = [1, 0, 1, 0, 0, 0, 0, 0]
    text = f"(float[N,8] x) => (y) {{ y = {BN}<epsilon=0.0>(x, g, b, m, v) }}"
    with pytest.raises(UnsupportedModel, match="in channel 1, 3, 4, 5 and 2 more"):
        fold_batch_normalization(parse(text, **parameters))


def test_zero_variance_with_an_epsilon_is_a_number() -> None:
    parameters = normalization(3)
    parameters["v"][:] = 0.0
    result = folded(
        f"(float[N,2,5,5] x) => (y) {{ c = Conv(x, w) y = {BN}(c, g, b, m, v) }}",
        w=random(1, 3, 2, 3, 3), **parameters,
    )  # fmt: skip
    found = read_channel_statistics(result.graph.outputs[0])
    assert found is not None
    assert found.std == (0.0, 0.0, 0.0)


def test_a_factor_beyond_float32_is_refused() -> None:
    parameters = normalization(3)
    parameters["v"][2], parameters["g"][2] = 1e-38, 1e25
    text = f"(float[N,3] x) => (y) {{ y = {BN}<epsilon=0.0>(x, g, b, m, v) }}"
    with pytest.raises(UnsupportedModel, match=r"its factor .* is beyond float32 in channel 2"):
        fold_batch_normalization(parse(text, **parameters))


def test_weights_that_would_leave_float32_are_not_folded() -> None:
    parameters = normalization(3)
    parameters["v"][0], parameters["g"][0], parameters["m"][:] = 1e-30, 1e10, 0.0
    model = parse(
        f"""(float[N,2,5,5] x) => (y) {{
            c = Conv(x, w)
            y = {BN}<epsilon=0.0>(c, g, b, m, v) }}""",
        w=(1e16 * random(1, 3, 2, 1, 1)).astype(np.float32), **parameters,
    )  # fmt: skip
    result = fold_batch_normalization(model)
    assert ops(result) == ["Conv", "Conv"]
    assert all(np.isfinite(initializer(result, name)).all() for name in result.graph.initializers)


def test_weights_that_two_normalized_convolutions_share() -> None:
    other = {f"{name}2": array for name, array in normalization(3, seed=70).items()}
    result = folded(
        f"""(float[N,2,5,5] x) => (y, z) {{
            c = Conv(x, w)
            y = {BN}(c, g, b, m, v)
            r = Relu(x)
            d = Conv(r, w)
            z = {BN}(d, g2, b2, m2, v2) }}""",
        w=random(1, 3, 2, 3, 3), **normalization(3), **other,
    )  # fmt: skip
    assert sorted(ops(result)) == ["Conv", "Conv", "Relu"]


def test_one_normalization_of_weights_computed_by_the_model_stands_alone() -> None:
    result = folded(
        f"""(float[N,2,5,5] x, float[3,2,3,3] q) => (y) {{
            w = Relu(q)
            c = Conv(x, w)
            y = {BN}(c, g, b, m, v) }}""",
        **normalization(3),
    )  # fmt: skip
    assert ops(result) == ["Relu", "Conv", "Conv"]


def test_weights_computed_by_the_model_are_refused_by_name() -> None:
    text = f"""(float[N,2,5,5] x, float[3,2,3,3] q) => (y) {{
        w = Relu(q)
        c = Conv(x, w)
        y = {BN}(c, g, b, m, v) }}"""
    with pytest.raises(UnsupportedModel, match=r"node c \(Conv\): its input w is computed"):
        normalize(parse(text, **normalization(3)))
