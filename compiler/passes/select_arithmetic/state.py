# SPDX-License-Identifier: Apache-2.0
"""What every family of lowerings shares: the graph read, the graph built, and the way across."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Constant, Graph, Node
from intaglio.compiler.ir.infer import exact_result, result_shape
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.errors import InvalidOption, NarrowRegister, UnsupportedModel
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.derive import requantizer, scaling
from intaglio.numerics.profile.places import place_of
from intaglio.numerics.profile.schemes import FixedPointCastScheme, Scheme
from intaglio.numerics.profile.stages_scheme import StagesScheme
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Scaling


@dataclass(frozen=True, slots=True)
class RequantizerRequest:
    """What one requantizer should do.

    Attributes:
        scheme: how it multiplies.
        real: by what.
        accumulator: what its operand can be.
        zero_point: the result's.
        bounds: the least and the greatest code.
    """

    scheme: Scheme
    real: Fraction
    accumulator: Interval
    zero_point: int
    bounds: tuple[int, int]


@dataclass
class Lowering:
    """A scaled graph on its way to the fixed level.

    Attributes:
        source: the scaled graph.
        profile: the arithmetic to choose.
        builder: the fixed graph so far.
        tables: for what has been tabulated and comes again, the lookup and its table's name.
        names: for each scaled value that has been lowered, the fixed value's name.
    """

    source: Graph
    profile: Profile
    builder: Builder
    names: dict[str, str] = field(default_factory=dict[str, str])
    tables: dict[object, tuple[fixed.Lookup, str]] = field(
        default_factory=dict[object, tuple[fixed.Lookup, str]]
    )

    def operand(self, name: str) -> str:
        """The fixed value for a scaled one; a constant is carried over at its first use."""
        if name not in self.names:
            constant = self.source.constant(name)
            if constant is None:
                raise ValueError(f"the value {name} is used before it is defined")
            plain = TensorType(constant.type.element, constant.type.shape)
            self.names[name] = self.builder.constant(name, plain, constant.array, constant.source)
        return self.names[name]

    def constant_operand(self, node: Node, index: int) -> Constant:
        """The constant that ``node`` needs as its operand ``index``."""
        constant = self.source.constant(node.operands[index])
        if constant is None:
            raise self.refusal(
                node, f"its operand {node.operands[index]} is computed at run time", "a constant"
            )
        return constant

    def refusal(self, node: Node, found: str, expected: str) -> UnsupportedModel:
        """The error for a node that the profile has no arithmetic for."""
        kind = type(node.op).__name__
        return self.unsupported(
            [f"{node.source or node.name} ({kind}): {found}; expected {expected}"]
        )

    def unsupported(self, problems: Sequence[str]) -> UnsupportedModel:
        """The error for all the nodes that the profile has no arithmetic for."""
        return UnsupportedModel(
            self.source.name,
            problems,
            f"Change the model, or lower it under another profile than {self.profile.name}",
        )

    def activation(self, node: Node, name: str) -> tuple[Quantization, IntType]:
        """The per-tensor quantization and integer type of an activation of ``node``."""
        type = self.source.type_of(name)
        if not type.scaled.per_tensor:
            raise self.refusal(node, f"{name} has a scale per channel", "one scale per activation")
        return type.scaled, type.integer

    def scaling(self, node: Node, scheme: Scheme, real: Fraction, accumulator: Interval) -> Scaling:
        """The scaling that applies ``real`` to ``accumulator``, or a refusal of ``node``."""
        try:
            chosen = scaling(scheme, real, accumulator)
        except InvalidOption as error:
            raise self.scale_refusal(node, scheme, error) from None
        if isinstance(scheme, StagesScheme):
            return chosen
        return self.within_domain(node, chosen, accumulator)

    def requantizer(
        self,
        node: Node,
        scheme: Scheme,
        real: Fraction,
        accumulator: Interval,
        zero_point: int,
        bounds: tuple[int, int],
        result: IntType,
    ) -> Requantizer:
        """The requantizer of ``round(accumulator * real) + zero_point``, or a refusal of ``node``.

        Registers and casts of hardware wrap as its file says; no other scheme's may.
        """
        low, high = bounds
        try:
            chosen = requantizer(scheme, real, accumulator, zero_point, low, high, result)
        except InvalidOption as error:
            raise self.scale_refusal(node, scheme, error) from None
        if not isinstance(scheme, StagesScheme | FixedPointCastScheme):
            self.within_domain(node, chosen.scaling, accumulator)
        return chosen

    def requantizers(
        self, node: Node, requests: Sequence[RequantizerRequest], result: IntType
    ) -> tuple[Requantizer, ...]:
        """One requantizer for each request; of several refusals the one that asks for most."""
        found: list[Requantizer] = []
        farthest: dict[int, tuple[int, UnsupportedModel]] = {}
        for each in requests:
            try:
                found.append(
                    self.requantizer(
                        node,
                        each.scheme,
                        each.real,
                        each.accumulator,
                        each.zero_point,
                        each.bounds,
                        result,
                    )
                )
            except UnsupportedModel as error:
                cause = error.__context__
                if not isinstance(cause, NarrowRegister):
                    raise
                distance = abs(cause.needed - cause.value)
                known = farthest.get(id(each.scheme))
                if known is None or distance > known[0]:
                    farthest[id(each.scheme)] = distance, error
        if farthest:
            raise self.unsupported([p for _, error in farthest.values() for p in error.problems])
        return tuple(found)

    def scale_refusal(self, node: Node, scheme: Scheme, error: InvalidOption) -> UnsupportedModel:
        """The error for a multiplier that a scheme can't represent; it names the scheme's field."""
        place = place_of(self.profile, scheme)
        field = hasattr(scheme, error.option)
        found = f"{place}.{error}" if field else f"{str(error).rstrip('.')} ({place})"
        if isinstance(error, NarrowRegister):
            return self.refusal(
                node,
                f"{place}.{error.option} is {error.value}, which {error.found}",
                error.advice.removeprefix("give "),
            )
        return self.refusal(node, found.rstrip("."), "scales that the profile can multiply by")

    def within_domain(self, node: Node, chosen: Scaling, accumulator: Interval) -> Scaling:
        """The scaling again, or a refusal of ``node`` where ``accumulator`` overflows it."""
        domain = chosen.monotone_domain
        if domain is not None and not domain.contains(accumulator):
            raise self.refusal(
                node,
                f"values within {accumulator} overflow the profile's {type(chosen).__name__}",
                f"values within {domain}, so narrower operands",
            )
        return chosen

    def result(self, node: Node) -> tuple[Quantization, IntType]:
        """The per-tensor quantization and integer type of the result of ``node``."""
        if not node.type.scaled.per_tensor:
            raise self.refusal(node, "its result has a scale per channel", "one scale")
        return node.type.scaled, node.type.integer

    def emit(
        self,
        node: Node,
        op: fixed.Op,
        operands: Sequence[str],
        element: IntType,
        shape: tuple[int, ...] | None = None,
        suffix: str = "",
    ) -> str:
        """Add a fixed node that stems from ``node``; a suffix names an intermediate value."""
        type = TensorType(element, node.type.shape if shape is None else shape)
        wanted = f"{node.name}.{suffix}" if suffix else node.name
        return self.builder.node(wanted, type, op, operands, node.source)

    def exact(self, node: Node, op: fixed.Op, operands: Sequence[str], suffix: str) -> str:
        """Add an elementwise node whose result has the narrowest type that holds every value."""
        types = tuple(self.builder.type_of(name) for name in operands)
        interval = exact_result(op, types)
        if interval is None or not IntType(64, signed=True).interval.contains(interval):
            raise self.refusal(node, f"values within {interval}", "values that 64 bits hold")
        shape = result_shape(op, types)
        return self.emit(node, op, operands, interval.smallest_type(), shape, suffix)

    def integer_constant(self, node: Node, value: int, suffix: str) -> str:
        """A scalar constant of the narrowest type."""
        type = TensorType(Interval(value, value).smallest_type(), ())
        return self.builder.constant(f"{node.name}.{suffix}", type, np.array(value))

    def centred(self, node: Node, name: str, zero_point: int, suffix: str) -> tuple[str, Interval]:
        """The fixed value minus its zero point, and what that can be.

        Its type is the difference's of two types, which is wider.
        """
        type = self.builder.type_of(name)
        if zero_point == 0:
            return name, type.integer.interval
        constant = self.integer_constant(node, zero_point, f"{suffix}.zero_point")
        difference = type.integer.interval - self.builder.type_of(constant).integer.interval
        centred = self.emit(
            node,
            fixed.Subtract(),
            [name, constant],
            difference.smallest_type(),
            type.shape,
            f"{suffix}.centred",
        )
        return centred, type.integer.interval - Interval(zero_point, zero_point)
