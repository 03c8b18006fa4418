# SPDX-License-Identifier: Apache-2.0
"""Adds values to the integer graph."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.infer import Mismatch, result_shape
from intaglio.compiler.ir.types import TensorType
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.model import Shape
from intaglio.frontends.tflite.tensors import checked
from intaglio.frontends.tflite.values import Computed, Known, Stored


@dataclass
class Emitter:
    """The graph under construction.

    Attributes:
        builder: what has been added.
        constants: the constants that it has, with the arrays they were made of.
        states: the label of each variable that was written, and its last value.
    """

    builder: Builder
    constants: dict[int, tuple[Stored, str]] = field(default_factory=dict[int, tuple[Stored, str]])
    states: dict[str, Computed] = field(default_factory=dict[str, Computed])

    def name_of(self, value: Known) -> str:
        """The value's name in the graph, which a constant gets at its first use."""
        if isinstance(value, Computed):
            return value.name
        found = self.constants.get(id(value.array))
        if found is not None and found[0].type == value.type:
            return found[1]
        name = self.builder.constant(value.label, value.type, value.array, value.label)
        # The array is kept with its name, so that no other one gets its identity.
        self.constants[id(value.array)] = (value, name)
        return name

    def node(
        self,
        wanted: str,
        op: scaled.Op,
        operands: Sequence[Known],
        type: TensorType,
        source: str,
        declared: Shape | None = None,
    ) -> Computed:
        """Add a node whose result has the element type and quantization of ``type``.

        Args:
            wanted: what to call its value.
            op: what it computes.
            operands: what it reads.
            type: the result's, but for its shape.
            source: the tensor of the file that it computes, or helps to compute.
            declared: the result's shape where the op leaves a choice.

        Raises:
            Refusal: the operands don't fit the op.
        """
        names = [self.name_of(operand) for operand in operands]
        try:
            types = [operand.type for operand in operands]
            shape = result_shape(op, types, declared or ())
        except Mismatch as mismatch:
            raise Refusal(f"has {mismatch.found}; {mismatch.expected} is expected") from None
        if declared is not None and shape != declared:
            raise Refusal(f"gives the shape {list(shape)}; {list(declared)} is expected")
        full = type.with_shape(checked(shape))
        return Computed(self.builder.node(wanted, full, op, names, source), full, source)
