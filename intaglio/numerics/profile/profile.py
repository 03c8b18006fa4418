# SPDX-License-Identifier: Apache-2.0
"""A profile: ordered rule tables, one a family of ops; the first rule that applies is used."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from intaglio.errors import InvalidProfile
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.datapath import ANY_DATAPATH, Datapath
from intaglio.numerics.profile.rules import (
    Condition,
    ContractionRule,
    Granularity,
    MeanRule,
    PairRule,
    RescaleRule,
    ResizeRule,
    SoftmaxRule,
    UnaryRule,
)
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.rounding import Rounding

RULE_OPS: dict[str, tuple[str, ...]] = {
    "contraction": (
        "conv2d",
        "depthwise_conv2d",
        "recurrent_conv2d",
        "conv_transpose2d",
        "fully_connected",
        "recurrent_fully_connected",
        "mat_mul",
    ),
    "pair": (
        "add",
        "recurrent_add",
        "subtract",
        "multiply",
        "recurrent_multiply",
        "minimum",
        "maximum",
        "squared_difference",
    ),
    "mean": ("average_pool2d", "reduce_mean", "plane_mean", "global_average_pool", "reduce_sum"),
    "unary": (
        "identity",
        "leaky-relu",
        "sigmoid",
        "recurrent-sigmoid",
        "tanh",
        "recurrent-tanh",
        "hard-sigmoid",
        "hard-swish",
        "gelu",
        "gelu-tanh",
        "elu",
        "exp",
        "rsqrt",
        "prelu",
    ),
    "rescale": ("requantize", "clip", "joined"),
    "softmax": ("softmax", "log_softmax", "l2_normalization"),
    "resize": ("resize_linear",),
}
"""The words of ``when.ops``, by rule table."""


class _Rule(Protocol):
    @property
    def when(self) -> Condition: ...


RuleT = TypeVar("RuleT", bound=_Rule)


@dataclass(frozen=True, slots=True)
class QuantizeRule:
    """float32 to code at the border of the graph."""

    rounding: Rounding
    method: QuantizeMethod


class DequantizeMethod(Enum):
    """In which order a code becomes a float32."""

    CENTRE_FIRST = "centre-first"
    """fl32((code - zero_point) * scale)."""
    MULTIPLY_FIRST = "multiply-first"
    """fl32(fl32(code * scale) + fl32(-zero_point * scale))."""


@dataclass(frozen=True, slots=True)
class BoundRule:
    """The code of an activation's real bound v: round(fl32(v / scale)) + zero_point, or exactly."""

    rounding: Rounding
    float32: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """One machine's or runtime's arithmetic.

    Attributes:
        name: what the user calls it.
        title: one line on what it is.
        checked_against: programs and versions whose bits it reproduces, as tested.
        quantize: the border.
        bound: the clamp of a fused activation.
        contraction: convolutions and matrix products.
        pair: elementwise functions of two operands.
        mean: average pools, means and sums.
        unary: functions of one operand.
        rescale: a code in another scale.
        softmax: softmax, its logarithm and L2 normalization.
        resize: bilinear interpolation.
        dequantize: code to float32 at the border.
        datapath: the element types that networks may have.
    """

    name: str
    title: str
    checked_against: tuple[str, ...]
    quantize: QuantizeRule
    bound: BoundRule
    contraction: tuple[ContractionRule, ...]
    pair: tuple[PairRule, ...]
    mean: tuple[MeanRule, ...]
    unary: tuple[UnaryRule, ...]
    rescale: tuple[RescaleRule, ...]
    softmax: tuple[SoftmaxRule, ...]
    resize: tuple[ResizeRule, ...]
    dequantize: DequantizeMethod = DequantizeMethod.CENTRE_FIRST
    datapath: Datapath = ANY_DATAPATH

    def __post_init__(self) -> None:
        """Refuse rules for ops that their table doesn't serve: no op would ever meet them."""
        for table, known in RULE_OPS.items():
            for index, rule in enumerate(getattr(self, table)):
                self._require_known(f"{table}[{index}].when.ops", rule.when.ops, known)

    def _require_known(self, place: str, ops: tuple[str, ...], known: tuple[str, ...]) -> None:
        for op in ops:
            if op not in known:
                close = difflib.get_close_matches(op, known, 1)
                expected = f"{close[0]} perhaps" if close else f"one of {', '.join(known)}"
                raise InvalidProfile(self.name, place, op, expected)

    def first(
        self,
        rules: Iterable[RuleT],
        op: str,
        operand: IntType,
        result: IntType,
        granularity: Granularity = Granularity.PER_TENSOR,
        weights: IntType | None = None,
        bias: IntType | None = None,
        clipped: bool = False,
    ) -> RuleT:
        """The first of ``rules`` that applies.

        Raises:
            InvalidProfile: no rule applies.
        """
        for rule in rules:
            if rule.when.accepts(op, operand, result, granularity, weights, bias, clipped):
                return rule
        raise InvalidProfile(
            self.name,
            "rules",
            f"none for {op} on {operand} operands with {result} results, {granularity.value}",
            "one whose condition accepts it (add the rule, or choose another profile)",
        )
