# SPDX-License-Identifier: Apache-2.0
"""A part of a profile is found where it stands, by what it is and not by what it equals."""

from dataclasses import fields

from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.methods import OperandRescaleMethod, ProductMethod
from intaglio.numerics.profile.places import place_of


def test_equal_parts_have_places_of_their_own() -> None:
    profile = load_profile("single-rounding")
    multiply, extremes = profile.pair[1].method, profile.pair[2].method
    assert isinstance(multiply, ProductMethod)
    assert isinstance(extremes, OperandRescaleMethod)
    assert multiply.rescale == extremes.rescale
    assert place_of(profile, multiply.rescale.scheme) == "pair[1].method.rescale.scheme"
    assert place_of(profile, extremes.rescale.scheme) == "pair[2].method.rescale.scheme"
    assert place_of(profile, profile.contraction[0]) == "contraction[0]"
    assert place_of(profile, fields) == "the profile"
