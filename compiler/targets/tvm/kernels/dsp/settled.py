# SPDX-License-Identifier: Apache-2.0
"""How sums are held, and which instructions make codes of them.

A channel whose reachable sums all become one code is *dead*: it needs no sum, so its bias, however
large, doesn't keep the other channels from the short forms.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from intaglio.compiler.analysis.accumulators import AccumulateOp, channel_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.kernels.dsp.products import Line, Products
from intaglio.compiler.targets.tvm.kernels.dsp.rescaling import Rescaling, rescaling
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.numerics.intervals import Interval


def settled(
    scope: Scope, op: AccumulateOp, found: Products, held: Callable[[Products], Line]
) -> tuple[Line, Rescaling | None]:
    """The weights and biases, and the short form of the first follower, if it has one.

    Args:
        scope: the node.
        op: its op.
        found: the sums.
        held: how they are held; in as short a form as ``found`` allows.
    """
    line = held(found)
    fast = _rescaling(scope, op, line, {})
    if fast is not None and (line.joint or not held(_without(found, Interval(0, 0), {})).joint):
        return line, fast
    dead = _dead(scope, op)
    live = _live(scope, op, dead)
    if dead and live is not None:
        short = held(_without(found, live, dead))
        shorter = _rescaling(scope, op, short, dead)
        if shorter is not None:
            return short, shorter
    return line, fast


def _rescaling(
    scope: Scope, op: AccumulateOp, line: Line, dead: Mapping[int, int]
) -> Rescaling | None:
    if not (scope.followers and op.accumulator.type.interval.contains(line.total)):
        return None
    first = scope.followers[0].op
    if not isinstance(first, fixed.Requantize):
        return None
    return rescaling(first.requantizers, dead, line.total, line.scale_bits)


def _without(found: Products, total: Interval, dead: Mapping[int, int]) -> Products:
    """The sums of the channels that aren't dead."""
    bias = tuple(0 if c in dead else value for c, value in enumerate(found.bias))
    return replace(found, bias=bias, total=total)


def _dead(scope: Scope, op: AccumulateOp) -> Mapping[int, int]:
    """The only code of each dead channel."""
    first = scope.followers[0].op if scope.followers else None
    if not isinstance(first, fixed.Requantize) or len(first.requantizers) == 1:
        return {}
    found: dict[int, int] = {}
    ranges = channel_ranges(scope.graph.definitions, scope.node, op, scope.ranges)
    for channel, (reached, requantizer) in enumerate(zip(ranges, first.requantizers, strict=True)):
        domain = requantizer.scaling.monotone_domain
        if domain is not None and not domain.contains(reached.total):
            continue
        if not op.accumulator.type.interval.contains(reached.total):
            continue
        least, most = (requantizer.apply(end) for end in (reached.total.low, reached.total.high))
        if least == most:
            found[channel] = least
    return found


def _live(scope: Scope, op: AccumulateOp, dead: Mapping[int, int]) -> Interval | None:
    """The sums of the channels that aren't dead."""
    ranges = channel_ranges(scope.graph.definitions, scope.node, op, scope.ranges)
    totals = [reached.total for c, reached in enumerate(ranges) if c not in dead]
    if not totals:
        return None
    return Interval(min(total.low for total in totals), max(total.high for total in totals))
