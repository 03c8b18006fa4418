# SPDX-License-Identifier: Apache-2.0
"""Equal keys where results must be equal, other keys where they may differ."""

from dataclasses import replace

import pytest

from benchmarks.data_free_cases import RESNET20, RESNET32
from benchmarks.zero_shot_ablations import ablations
from benchmarks.zero_shot_cases import CASES, RANGES_ONLY, Case, with_references

DSG = Case(RESNET20, "dsg", "dsg", "w4a4", RANGES_ONLY)
ZEROQ = Case(RESNET20, "zeroq", "zeroq", "w4a4", RANGES_ONLY)
GZSQ = Case(RESNET20, "gzsq", "gzsq", "w4a4", RANGES_ONLY)


def test_a_name_says_nothing_of_a_result() -> None:
    assert replace(DSG, setting="other").key(0, 100) == DSG.key(0, 100)
    assert DSG.changed({"learning_rate": 0.1}).key(0, 100) == DSG.key(0, 100)


@pytest.mark.parametrize(
    "other",
    [
        ZEROQ,
        replace(DSG, network=RESNET32),
        replace(DSG, bits="w4a8"),
        replace(DSG, folded=True),
        replace(DSG, input_range=(-1.0, 1.0)),
        DSG.changed({"iterations": 10}),
        DSG.changed({"bias_correction": "calculated"}),
        DSG.real(),
        DSG.noise(),
    ],
    ids=lambda case: case.name,
)
def test_whatever_can_change_a_result_changes_the_key(other: Case) -> None:
    assert other.key(0, 100) != DSG.key(0, 100)
    assert DSG.key(1, 100) != DSG.key(0, 100) != DSG.key(0, 200)


def test_recipes_share_what_real_data_and_noise_reach() -> None:
    assert DSG.real().key(0, 100) == ZEROQ.real().key(0, 100)
    # Which keeps statistics that samples show, on real data too.
    assert GZSQ.real().key(0, 100) != DSG.real().key(0, 100)
    assert DSG.real().key(0, 100) == DSG.real().key(1, 100)
    assert DSG.noise().key(2, 100) == ZEROQ.noise().key(2, 100) != DSG.noise().key(1, 100)
    fewer = {"synthetic_samples": 8}
    assert DSG.changed(fewer).noise().key(0, 100) != DSG.noise().key(0, 100)
    assert DSG.changed({"iterations": 10}).noise().key(0, 100) == DSG.noise().key(0, 100)


def test_real_data_has_one_seed() -> None:
    assert (list(DSG.seeds(3)), list(DSG.noise().seeds(3))) == ([0, 1, 2], [0, 1, 2])
    assert list(DSG.real().seeds(3)) == [0]


def test_changes_reach_what_a_case_is_held_against() -> None:
    case = DSG.at_least((ZEROQ, 0.0), (DSG.real(), -3.0)).changed({"percentile": 99.0})
    assert [demand.reference.choices.percentile for demand in case.demands] == [99.0, 99.0]
    assert case.demands[0].reference.choices.synthetic == ZEROQ.choices.synthetic


def test_every_case_has_choices_and_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    asked = [case for case in CASES if case.demands or case.refused_with]
    # ZeroQ's ranges of least error stand beside DSG's, with nothing asked of them.
    assert len(CASES) - len(asked) == 2
    for case in with_references(CASES):
        assert case.choices.codes.per_channel
        assert case.choices.synthesizes == (case.setting != "100 images")


def test_what_a_case_is_held_against_comes_before_it() -> None:
    order = [case.key(0, None) for case in with_references(CASES)]
    for case in CASES:
        for demand in case.demands:
            assert order.index(demand.reference.key(0, None)) < order.index(case.key(0, None))


def test_ablations_change_what_they_say() -> None:
    cases = ablations()
    assert len({case.name for case in cases}) == len(cases)
    parts = {case.name: case.choices.synthetic for case in cases}
    alone = parts["ResNet20, w4a4 kl ranges, published: slack alone"]
    assert (alone.distance, alone.weighting, alone.correlation_weight) == ("slack", "uniform", 0.0)
    without = parts["ResNet20, w4a4 kl ranges, published: all but layerwise"]
    assert (without.distance, without.weighting, without.class_weight) == ("slack", "uniform", 2.0)
    ours = parts["ResNet32, w4a4 kl ranges, dsg: slack"]
    assert (ours.distance, ours.statistics) == ("slack", "batch")
    fills = {one.fill for name, one in parts.items() if "folded" in name and "gzsq: fill=" in name}
    assert len(fills) == 8
    assert parts["SqueezeNet, w8a8, gzsq: synthesis=classes"].class_weight == 1.0
