# SPDX-License-Identifier: Apache-2.0
"""Means and sums over axes, and the index of the largest or smallest element."""

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import PLAIN, TensorType
from intaglio.frontends.axes import normalized
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.axes import distinct
from intaglio.frontends.tflite.expectations import BYTES, CODES, codes_of, constant, result_in
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.tensors import type_of
from intaglio.frontends.tflite.values import Computed

REDUCTION = (codes_of(0, CODES), result_in(CODES), constant(1, "axes"))
CHOICE = (codes_of(0, BYTES), constant(1, "axis"))


def mean(site: Site) -> Computed:
    """MEAN over constant axes."""
    return site.emit(scaled.ReduceMean(_axes(site), site.flag("KeepDims")), (site.codes(0),))


def sum_(site: Site) -> Computed:
    """SUM over constant axes."""
    return site.emit(scaled.ReduceSum(_axes(site), site.flag("KeepDims")), (site.codes(0),))


def _axes(site: Site) -> tuple[int, ...]:
    return tuple(sorted(distinct(site.integers(1, "axes"), site.codes(0).type.rank)))


def choice(site: Site) -> Computed:
    """ARG_MAX and ARG_MIN: the first of several equal elements."""
    x, named = site.codes(0), site.integers(1, "an axis")
    if len(named) != 1:
        raise Refusal(f"names the axes {list(named)}; one is expected")
    axis = normalized(named[0], x.type.rank)
    op = (
        scaled.ArgMax(axis, keep_dimensions=False)
        if site.operator.kind == "ARG_MAX"
        else scaled.ArgMin(axis, keep_dimensions=False)
    )
    result = site.result
    type = type_of(result, result.shape)
    if str(type.element) not in ("i32", "i64"):
        raise Refusal(f"writes {result.label} of type {type.element}; INT32 or INT64 is expected")
    plain = TensorType(type.element, (), PLAIN)
    return site.emitter.node(result.label, op, (x,), plain, result.label)
