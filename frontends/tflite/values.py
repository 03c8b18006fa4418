# SPDX-License-Identifier: Apache-2.0
"""What a tensor holds, as far as the reading has come."""

from dataclasses import dataclass

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import TensorType


@dataclass(frozen=True, slots=True)
class Computed:
    """A value of the graph under construction.

    Attributes:
        name: in the graph.
        type: its type; integers have a scale.
        label: in the file.
        given: whether it is an input, moved at most.
    """

    name: str
    type: TensorType
    label: str
    given: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A constant; ``type`` has no quantization where the file gives it none, as for axes."""

    array: Array
    type: TensorType
    label: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The result of an operator that was refused."""

    label: str


Value = Computed | Stored | Unknown
Known = Computed | Stored
