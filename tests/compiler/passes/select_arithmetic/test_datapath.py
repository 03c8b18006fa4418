# SPDX-License-Identifier: Apache-2.0
"""Networks of other types than the datapath's: each layer is named, all at once."""

from dataclasses import replace

import pytest

from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import Profile, load_profile
from intaglio.numerics.profile.datapath import Datapath

NET = """
graph net scaled
%x: u8[1,2,2,1]{scale=f32(0.5)} = input
%w: i8[2,1,1,1]{scale=f32(0.5)} = constant [-128, 127]
%b: i32[2]{scale=f32(0.25)} = constant [7, 9]
%y: u8[1,2,2,2]{scale=f32(0.5)} = conv2d(%x, %w, %b) from "block/conv"
%z: i16[1,2,2,2]{scale=f32(0.5)} = requantize(%y) from "tail"
return %z
"""
I8, U8, I16 = (IntType.parse(word) for word in ("i8", "u8", "i16"))


def machine(datapath: Datapath) -> Profile:
    return replace(load_profile("single-rounding"), datapath=datapath)


def problems(datapath: Datapath) -> tuple[str, ...]:
    with pytest.raises(UnsupportedModel) as caught:
        select_arithmetic(parse_graph(NET), machine(datapath))
    return caught.value.problems


def test_what_the_datapath_takes_is_lowered_as_without() -> None:
    wide = machine(Datapath((U8, I8), (I8,), (U8, I16)))
    assert select_arithmetic(parse_graph(NET), wide) == select_arithmetic(
        parse_graph(NET), load_profile("single-rounding")
    )


def test_every_layer_is_named_with_the_nearest_type() -> None:
    assert problems(Datapath(activations=(I8,), weights=(IntType(4, True),), results=(U8,))) == (
        "block/conv (Conv2d): its activations are u8, and datapath.activations is i8; expected i8",
        "block/conv (Conv2d): its weights are i8, and datapath.weights is i4; expected i4",
        "tail (Requantize): its activations are u8, and datapath.activations is i8; expected i8",
        "tail (Requantize): its results are i16, and datapath.results is u8; expected u8",
    )


def test_a_narrow_multiplier_takes_no_lowest_code() -> None:
    (problem,) = problems(Datapath(narrow_weights=True))
    assert problem == (
        "block/conv (Conv2d): 1 of its weights are -128, and datapath.narrow_weights is true; "
        "expected -127 or more"
    )


def test_constants_that_are_no_weights_are_no_activations() -> None:
    # The bias is a constant of 32 bits; its width is the rule's.
    graph = parse_graph(NET)
    select_arithmetic(graph, machine(Datapath(activations=(U8,), weights=(I8,))))
