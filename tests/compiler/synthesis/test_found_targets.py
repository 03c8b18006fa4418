# SPDX-License-Identifier: Apache-2.0
"""Moments are taken on random images, whatever batch the model fixes."""

import numpy as np
import pytest

from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.synthesize import find_targets
from tests.compiler.real.building import parse
from tests.compiler.synthesis.describing import described


@pytest.mark.parametrize("batch", ["N", 5])
def test_moments_know_that_pixels_beside_each_other_are_alike(batch: int | str) -> None:
    model = parse(
        f"(float[{batch},1,24,24] x) => (y) {{ y = Conv(x, w) }}",
        w=np.ones((1, 1, 3, 3), np.float32),
    )
    inputs = {"x": described(1, 24, 24, low=-1e3, high=1e3)}
    (target,) = find_targets(model, SynthesisOptions("moments"), inputs).targets
    # Nine independent pixels would have 3, nine equal ones 9.
    assert 6.0 < float(target.std[0]) < 9.0
    (again,) = find_targets(model, SynthesisOptions("moments"), inputs).targets
    assert target.std == again.std
    (other,) = find_targets(model, SynthesisOptions("moments", seed=1), inputs).targets
    assert target.std != other.std
