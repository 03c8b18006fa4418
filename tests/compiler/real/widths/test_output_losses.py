# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.widths.output_losses import class_divergence, output_noise


def test_noise_is_relative_to_the_signal_of_all_outputs() -> None:
    expected = [{"y": np.array([3.0, 4.0]), "z": np.array([12.0])}, {"y": np.zeros(2)}]
    found = [{"y": np.array([3.0, 5.0]), "z": np.array([10.0])}, {"y": np.array([0.0, 1.0])}]
    assert output_noise(expected, found) == pytest.approx((1 + 4 + 1) / (9 + 16 + 144))
    assert output_noise(expected, expected) == 0.0
    assert output_noise([{"y": np.zeros(1)}], [{"y": np.ones(1)}]) == 1.0


def test_divergence_is_that_of_the_classes() -> None:
    p, q = np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([[0.25, 0.75], [0.2, 0.8]])
    expected, found = [{"y": np.log(p) + 3.0}], [{"y": np.log(q) - 90.0}]
    known = float((p * np.log(p / q)).sum()) / 2
    assert class_divergence(expected, found) == pytest.approx(known)
    assert class_divergence(expected, expected) == 0.0
    image = [{"y": np.log(p.T).reshape(1, 2, 2)}], [{"y": np.log(q.T).reshape(1, 2, 2)}]
    assert class_divergence(*image) == pytest.approx(known)
