# SPDX-License-Identifier: Apache-2.0
"""Targets from BatchNormalization: at its input, by the graph's edges, without its epsilon."""

import numpy as np
import pytest

from intaglio.compiler.synthesis.targets.batch_norm_targets import batch_norm_targets
from intaglio.errors import InvalidData, UnsupportedModel
from tests.compiler.real.building import Array, parse, random

MEAN, VARIANCE = np.array([0.5, -2.0], np.float32), np.array([4.0, 1e-6], np.float32)


def _norms(**changed: Array) -> dict[str, Array]:
    own = {"g": random(1, 2), "b": random(2, 2), "m": MEAN, "v": VARIANCE}
    return {"w": random(0, 2, 2, 1, 1), **own, **changed}


def test_an_input_has_the_running_statistics_whatever_order_the_nodes_have() -> None:
    # The first convolution has no BatchNormalization, and the second norm reads the first layer.
    model = parse(
        """(float[n,2,3,3] x) => (float[n,2,3,3] y) {
            h = Conv(x, w)
            c = Conv(h, w)
            d = BatchNormalization(c, g, b, m, v)
            e = BatchNormalization(h, g, b, m2, v)
            y = Add(d, e)
        }""",
        **_norms(m2=MEAN + 1),
    )
    found = {target.value: target for target in batch_norm_targets(model).targets}
    assert list(found) == ["c", "h"]
    np.testing.assert_allclose(found["c"].mean, [0.5, -2.0])
    np.testing.assert_allclose(found["h"].mean, [1.5, -1.0])
    # Not sqrt(v + epsilon), which is 3.3e-3 in the second channel.
    np.testing.assert_allclose(found["c"].std, [2.0, 1e-3], rtol=1e-6)


def test_of_two_on_one_value_the_first_counts_and_the_second_is_noted() -> None:
    model = parse(
        """(float[n,2,3,3] x) => (float[n,2,3,3] y) {
            h = Conv(x, w)
            d = BatchNormalization(h, g, b, m, v)
            [second] e = BatchNormalization(h, g, b, m2, v)
            y = Add(d, e)
        }""",
        **_norms(m2=MEAN + 1),
    )
    found = batch_norm_targets(model)
    (target,), (note,) = found.targets, found.notes
    np.testing.assert_allclose(target.mean, [0.5, -2.0])
    assert (note.where, "h has a BatchNormalization" in note.said) == ("second", True)


def test_without_any_the_recipe_that_works_is_named() -> None:
    model = parse("(float[n,2,3,3] x) => (float[n,2,3,3] y) { y = Conv(x, w) }", w=_norms()["w"])
    with pytest.raises(InvalidData, match=r"no BatchNormalization.*--recipe gzsq"):
        batch_norm_targets(model)


def test_without_layers_there_is_nothing_to_match() -> None:
    model = parse("(float[n,2,3,3] x) => (float[n,2,3,3] y) { y = Relu(x) }")
    with pytest.raises(InvalidData, match="no convolution or matrix product"):
        batch_norm_targets(model)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [("v", [-1.0, 1.0], "variance is negative"), ("m", [np.nan, 1.0], "NaN or infinite")],
)
def test_what_is_no_statistic_is_refused(name: str, wrong: list[float], said: str) -> None:
    model = parse(
        """(float[n,2,3,3] x) => (float[n,2,3,3] y) {
            h = Conv(x, w)
            [norm] y = BatchNormalization(h, g, b, m, v)
        }""",
        **_norms(**{name: np.array(wrong, np.float32)}),
    )
    with pytest.raises(UnsupportedModel, match=f"norm .*{said}"):
        batch_norm_targets(model)
