# SPDX-License-Identifier: Apache-2.0
"""Fields that a network doesn't notice are told apart from those that it does."""

from intaglio.commands.hardware.field_effects import idle_fields
from tests.commands.hardware.test_change_one_field import BASE, NO_CODE, hardware, network

PLACE = "contraction[0]"


def test_the_fields_that_change_no_code_are_the_idle_ones() -> None:
    found = set(idle_fields(network(), hardware(BASE), (PLACE,)))
    assert found == {f"{PLACE}.{field}" for field in NO_CODE}


def test_order_is_idle_where_sums_have_none() -> None:
    ordered = f"{PLACE}.order"
    wraps = {**BASE, "overflow": '"wrap"'}
    assert ordered in set(idle_fields(network(), hardware(wraps), (PLACE,)))
    assert ordered not in set(idle_fields(network(), hardware(BASE), (PLACE,)))


def test_only_the_rules_that_are_asked_for_are_tried() -> None:
    found = set(idle_fields(network(), hardware(BASE), ("mean[0]",)))
    assert "mean[0].method.rescale.scheme.multiplier_bits" in found
    assert all(field.startswith("mean[0].") for field in found)
