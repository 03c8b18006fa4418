# SPDX-License-Identifier: Apache-2.0
"""The whole diagnosis of small networks with something wrong on purpose."""

from dataclasses import replace

import numpy as np
import pytest

from intaglio.commands.diagnose.diagnosing import Subject, diagnose
from intaglio.commands.diagnose.report import Diagnosis
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.observe import observe
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import plan_quantization
from intaglio.compiler.real.ranges.ranges import Range, observed_ranges
from intaglio.numerics.profile import load_profile
from tests.commands.diagnose.networks import (
    CHAIN,
    Case,
    batches,
    case,
    chain_constants,
    spoiled_constants,
)
from tests.compiler.real.building import parse

PROFILE = load_profile("single-rounding")


def diagnosed(small: Case, alone: bool = True) -> Diagnosis:
    return diagnose(small.subject, batches(4, first=50), PROFILE, alone=alone)


def test_a_layer_with_one_wide_channel_is_the_first() -> None:
    found = diagnosed(case(spoiled_constants()))
    first, *others = found.weights
    assert first.output == "c"
    assert first.use.channels_median < 0.01
    assert first.alone is not None
    assert first.alone.output.decibels < 10
    for other in others:
        assert other.alone is not None
        assert other.alone.output.decibels > first.alone.output.decibels + 10
        assert other.use.channels_median > 0.3
    assert first.together is not None
    # The wide channel is all the signal there is behind the layer, and it is well coded.
    assert first.weights is not None
    assert first.weights.decibels > 30


def test_a_scale_for_each_output_channel_mends_that_layer() -> None:
    found = diagnosed(case(spoiled_constants(), QuantizationOptions()))
    decibels = {row.output: row.alone.output.decibels for row in found.weights if row.alone}
    assert decibels["c"] > 30
    # What reads the wide channel has a narrow input channel, which such scales don't help.
    assert found.weights[0].output == "y"
    assert decibels["y"] < 30
    assert all(row.use.channels_median == 1.0 for row in found.weights)


def test_equalization_is_seen_in_every_figure() -> None:
    before = diagnosed(case(spoiled_constants()))
    model = parse(CHAIN, **spoiled_constants())
    original = normalize(model)
    rewritten = equalize_layers(original).model
    ranges = observed_ranges(observe(rewritten, batches(8)))
    plan = plan_quantization(rewritten, ranges, QuantizationOptions(per_channel=False))
    subject = Subject("small", original, rewritten, insert_quantization(rewritten, plan))
    after = diagnose(subject, batches(4, first=50), PROFILE)
    assert after.output.fidelity.decibels > before.output.fidelity.decibels + 10
    assert after.output.rewritten is not None
    assert after.output.rewritten.decibels > 100
    # Values inside are held against the rewritten network's, in which they mean the same.
    assert all(row.together is not None and row.together.decibels > 20 for row in after.activations)
    assert all(row.weights is not None and row.weights.decibels > 30 for row in after.weights)
    (changed,) = (one for one in after.ranges if one.output == "c")
    assert changed.after is not None
    assert changed.before.max() > 300 * np.median(changed.before)
    assert changed.after.max() < 10 * np.median(changed.after)


def test_an_activation_with_a_bad_range_is_the_first() -> None:
    model = normalize(parse(CHAIN, **chain_constants()))
    ranges = observed_ranges(observe(model, batches(8)))
    ranges["b"] = Range(0.0, ranges["b"].maximum / 20)
    small = case(chain_constants())
    plan = plan_quantization(model, ranges, QuantizationOptions())
    spoiled = replace(small.subject, quantized=insert_quantization(model, plan))
    found = diagnose(spoiled, batches(4, first=50), PROFILE)
    first, second, *_ = found.activations
    assert first.name == "b"
    assert first.use.beyond is not None
    assert first.use.beyond > 0.3
    assert first.use.codes == 1.0
    assert first.alone is not None
    assert second.alone is not None
    assert first.alone.output.decibels + 10 < second.alone.output.decibels


def test_together_is_never_much_better_than_the_worst_layer_alone() -> None:
    found = diagnosed(case(chain_constants()))
    worst = found.weights[0].alone
    assert worst is not None
    assert 15 < found.output.fidelity.decibels < worst.output.decibels + 1
    assert found.output.same_greatest is not None


def test_rows_are_sorted_and_every_one_is_there() -> None:
    found = diagnosed(case(chain_constants()))
    for rows in (found.weights, found.activations):
        decibels = [row.alone.output.decibels for row in rows if row.alone is not None]
        assert len(decibels) == len(rows)
        assert decibels == sorted(decibels)
    assert {row.output for row in found.weights} == {"a", "c", "y"}
    assert {row.name for row in found.activations} == {"x", "b", "d", "y"}
    assert (found.samples, found.profile) == (4, "single-rounding")


def test_together_only_leaves_the_rest_as_it_is() -> None:
    whole, quick = (diagnosed(case(chain_constants()), alone) for alone in (True, False))
    assert quick.output == whole.output
    assert all(row.alone is None for row in quick.weights)
    assert all(row.alone is None for row in quick.activations)
    by_name = {row.name: row for row in whole.activations}
    assert all(by_name[row.name].together == row.together for row in quick.activations)
    decibels = [row.together.decibels for row in quick.activations if row.together is not None]
    assert decibels == sorted(decibels)


def test_without_the_rewritten_network_nothing_inside_is_claimed() -> None:
    small = case(chain_constants())
    subject = replace(small.subject, rewritten=None, remarks=("because",))
    found = diagnose(subject, batches(2), PROFILE)
    assert found.remarks == ("because",)
    assert all(row.together is None for row in found.activations)
    assert all(
        (row.alone, row.weights, row.together) == (None, None, None) for row in found.weights
    )
    assert all(row.use.codes > 0.3 for row in found.activations)
    for used in (
        [row.use.channels_median for row in found.weights],
        [row.use.codes for row in found.activations],
    ):
        assert used == sorted(used)
    known = diagnosed(small)
    assert found.output.rewritten is None
    for one, other in zip(found.ranges, known.ranges, strict=True):
        assert one.after is not None
        assert other.after is not None
        assert np.allclose(one.after, other.after, rtol=0.02, atol=0.02)


def test_progress_counts_every_run() -> None:
    calls: list[tuple[int, int | None]] = []
    small = case(chain_constants())
    diagnose(
        small.subject, batches(2), PROFILE, progress=lambda done, total: calls.append((done, total))
    )
    assert calls[-1] == (2 * (1 + 3 + 4), 2 * (1 + 3 + 4))
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


@pytest.mark.parametrize("bits", [4, 6, 16])
def test_more_bits_are_nearer(bits: int) -> None:
    fine = diagnosed(case(chain_constants(), QuantizationOptions(bits, bits)), alone=False)
    coarse = diagnosed(
        case(chain_constants(), QuantizationOptions(bits - 1, bits - 1)), alone=False
    )
    assert fine.output.fidelity.decibels > coarse.output.fidelity.decibels + 3
