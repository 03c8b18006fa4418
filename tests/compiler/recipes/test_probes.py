# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import QuantizationPlan, plan_weights
from intaglio.compiler.recipes.probes import Probes
from tests.compiler.real.building import Array, parse

X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
# The largest weight of 3 bits is 3 steps; 2.75 becomes 3, 0.75 becomes 1.
WEIGHT = np.array([[2.75], [3.0]], np.float32)
COARSE = QuantizationOptions(weight_bits=3, per_channel=False)


def network(factor: float, weight: Array = WEIGHT) -> ir.Model:
    text = "(float[N, 2] x) => (float[N, 1] y) { y = Gemm (x, w) }"
    return parse(text, w=(weight * np.float32(factor)).astype(np.float32))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("factor", [1.0, 1e30, 1e-3])
def test_agreement_and_noise_are_the_same_at_every_size(factor: float) -> None:
    model = network(factor)
    probes = Probes(model, [{"x": X[:2]}, {"x": X[2:]}])
    # Outputs are 2.75, 3 and 5.75: they span 3. Of other weights 2.75, 2 and 4.75: 1 less.
    other = network(factor, np.array([[2.75], [2.0]], np.float32))
    assert probes.agreement(model) == 0.0
    assert probes.agreement(other) == pytest.approx(1 / 3, rel=1e-5)
    plan = QuantizationPlan({}, plan_weights(model, COARSE))
    signal, noise = 2.75**2 + 3**2 + 5.75**2, 0.25**2 + 0.25**2
    expected = 10 * np.log10(signal / noise)
    assert probes.signal_to_noise(model, plan) == pytest.approx(expected, rel=1e-5)


def test_no_noise_where_nothing_differs() -> None:
    model = network(1.0)
    assert Probes(model, [{"x": X}]).signal_to_noise(model, QuantizationPlan({}, {})) is None
