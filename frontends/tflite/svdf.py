# SPDX-License-Identifier: Apache-2.0
"""SVDF: its state becomes an input and an output of the graph."""

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.frontends.constraints import expects
from intaglio.frontends.tflite.expectations import codes_of, constant, result_in
from intaglio.frontends.tflite.recurrent import bias_of, keep_state, reshaped
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.values import Computed, Known, Stored
from intaglio.numerics import float32


@expects("constant weights in i8, of time in i8 or i16, with one scale each")
def FILTERS(site: Site) -> str | None:
    """Both matrices."""
    for index, elements in ((1, ("i8",)), (2, ("i8", "i16"))):
        w = site.codes(index)
        if str(w.type.element) not in elements or not isinstance(w, Stored):
            return f"has the weights {w.label} of type {w.type.element}"
        if len(w.type.shape) != 2 or w.type.scaled.zero_point:
            return f"has the weights {w.label} of shape {list(w.type.shape)}"
    if site.codes(2).type.element != site.codes(4).type.element:
        return "has weights of time and a state of two types"
    return None


@expects("a rank that divides the filters, and shapes that go together")
def RANK(site: Site) -> str | None:
    """The number of filters a unit has."""
    rank, shape = site.integer("Rank"), site.codes(0).type.shape
    filters, extent = site.codes(1).type.shape
    if rank < 1 or filters % rank:
        return f"has {filters} filters and the rank {rank}"
    fits = len(shape) == 2 and shape[1] == extent and site.codes(2).type.shape[0] == filters
    return None if fits else f"reads shape {list(shape)} with {filters} filters of {extent}"


SVDF = (
    codes_of(0, ("i8",)),
    codes_of(1, ("i8",)),
    codes_of(2, ("i8", "i16")),
    codes_of(4, ("i8", "i16")),
    result_in(("i8",)),
    FILTERS,
    RANK,
    constant(3, "bias"),
)


def svdf(site: Site) -> Computed:
    """The state takes in what the filters make of x; each unit sums its filters over time."""
    x, feature, time, state = (site.codes(index) for index in (0, 1, 2, 4))
    assert isinstance(feature, Stored)
    assert isinstance(time, Stored)
    batch, extent = x.type.shape
    filters, memory = time.type.shape
    rank = site.integer("Rank")
    units = filters // rank
    point = reshaped(site, "point", x, (batch, 1, 1, extent))
    newest = site.step(
        "feature",
        scaled.Conv2d(activation=_state_clip(state), recurrent=True),
        (point, _shaped(feature, (filters, 1, 1, extent))),
        state.type,
    )
    column = reshaped(site, "newest", newest, (batch, filters, 1))
    table = column
    if memory > 1:
        before = reshaped(site, "before", state, (batch, filters, memory))
        op = scaled.Slice((0, 0, 1), (1, 1, 1))
        older = site.step("older", op, (before,), state.type, (batch, filters, memory - 1))
        table = site.step("table", scaled.Concat(2), (older, column), state.type)
    keep_state(site, 4, reshaped(site, "state", table, (batch, filters * memory)))
    turned = site.step("turned", scaled.Transpose((0, 2, 1)), (table,), state.type)
    plane = reshaped(site, "plane", turned, (batch, 1, memory, filters))
    by_unit = time.array.reshape(units, rank, memory).transpose(0, 2, 1)
    kernel = np.ascontiguousarray(by_unit).reshape(units, 1, memory, rank)
    w = Stored(kernel, time.type.with_shape(kernel.shape), time.label)
    summed = site.step(
        "units",
        scaled.Conv2d(groups=units, recurrent=True),
        (plane, w, *bias_of(site.optional(3), plane, w, units)),
        site.result_type,
    )
    return site.emit(scaled.Reshape(), (summed,), (batch, units))


def _state_clip(state: Known) -> scaled.Clip:
    """The kernel saturates before it adds the state's zero point."""
    if not state.type.scaled.zero_point:
        return scaled.UNBOUNDED
    highest = float32.from_integer(state.type.integer.maximum)
    lowest = float32.from_integer(state.type.integer.minimum)
    scale = state.type.scaled.scale
    return scaled.Clip((float32.multiply(lowest, scale),), (float32.multiply(highest, scale),))


def _shaped(w: Stored, shape: tuple[int, ...]) -> Stored:
    return Stored(w.array.reshape(shape), w.type.with_shape(shape), w.label)
