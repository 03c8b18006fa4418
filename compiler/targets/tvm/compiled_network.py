# SPDX-License-Identifier: Apache-2.0
"""What the compiler hands out of a network: its module or its functions, its memory, its steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.compiler.targets.tvm.plan import Block, Plan


@dataclass(frozen=True, slots=True)
class StepForm:
    """What one step became, for the manifest.

    Attributes:
        name: the value that it stores.
        ops: the ops of its nodes.
        form: which instructions its kernel was written for.
        functions: what is called for it, in order; equal steps share functions.
        source: what the user's model calls its first node.
        constants: bytes that it reads, which other steps may share.
        scratch: bytes of memory for itself.
        multiply_accumulates: products of its sums.
    """

    name: str
    ops: tuple[str, ...]
    form: str
    functions: tuple[str, ...]
    source: str
    constants: int
    scratch: int
    multiply_accumulates: int


@dataclass(frozen=True, slots=True)
class Network:
    """A compiled graph.

    Attributes:
        name: the prefix of every symbol.
        graph: what was compiled; its outputs are the function's, each in memory of its own.
        machine: for what.
        module: the LLVM module.
        plan: the arena.
        blocks: what lies in the arena, and when.
        forms: by step, the form of its kernel.
        constants: bytes of the constants.
    """

    name: str
    graph: Graph
    machine: Machine
    module: Any
    plan: Plan
    blocks: tuple[Block, ...]
    forms: tuple[StepForm, ...]
    constants: int


@dataclass(frozen=True, slots=True)
class NetworkFunctions:
    """A network as functions of TIR, for those who print them rather than compile them.

    Attributes:
        graph: what they compute.
        kernels: functions of pointers, by symbol.
        entries: the functions that callers see, by symbol; they call the kernels.
        plan: the arena.
        forms: by step, the form of its kernel.
    """

    graph: Graph
    kernels: Mapping[str, Any]
    entries: Mapping[str, Any]
    plan: Plan
    forms: tuple[StepForm, ...]
