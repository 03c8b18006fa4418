# SPDX-License-Identifier: Apache-2.0
"""Whole graphs: layers of every kind are fitted, proved after lowering, and otherwise kept."""

import pytest

from intaglio.compiler.analysis.accumulator_bits import accumulator_report
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.fit_accumulators import FitMethod, fit_accumulators
from intaglio.compiler.pipeline import lower
from intaglio.numerics.profile import load_profile
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph

GRAPH = scaled_graph("activation=clip(low=[f32(0.0)], high=[f32(6.0)])")


@pytest.mark.parametrize("profile", ["single-rounding", "tflm"])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_every_layer_with_weights_is_proved(profile: str, bits: int) -> None:
    fitted, layers = fit_accumulators(GRAPH, bits)
    check(fitted)
    assert any(layer.changed_channels for layer in layers)
    names = {f"{layer.name}.accumulator" for layer in layers}
    report = accumulator_report(lower(fitted, load_profile(profile)))
    found = [each.any_order_bits for each in report if each.name in names]
    assert len(found) == len(names)
    assert max(found) <= bits


def test_what_fits_is_kept() -> None:
    for method in FitMethod:
        fitted, layers = fit_accumulators(GRAPH, 40, method=method)
        assert fitted == GRAPH
        assert not any(layer.changed_channels or layer.noise for layer in layers)
        assert all(layer.sqnr is None for layer in layers)
