# SPDX-License-Identifier: Apache-2.0
"""The text form of a graph: what golden tests, messages and the file on disk are written in.

``print_graph`` and ``parse_graph`` are each other's inverse.  No op has a printer of its own: both
sides follow the fields of the dataclasses.
"""

from intaglio.compiler.ir.text.parsing import parse_graph
from intaglio.compiler.ir.text.printing import INLINE_LIMIT, array_hash, print_graph, print_type

__all__ = ["INLINE_LIMIT", "array_hash", "parse_graph", "print_graph", "print_type"]
