# SPDX-License-Identifier: Apache-2.0
"""What a comparison of many tensors over many runs adds up to."""

from collections.abc import Mapping, Sequence

from intaglio.commands.engines import Comparison, Difference, compare
from intaglio.compiler.ir.graph import Array


class Findings:
    """Tensor by tensor: values compared, values that differ, the first of them."""

    def __init__(self, order: Sequence[str]) -> None:
        """Start with nothing compared.

        Args:
            order: of the values in the graph; the first difference is that of the first tensor.
        """
        self._order = {name: place for place, name in enumerate(order)}
        self._values = self._differing = 0
        self._seen: set[str] = set()
        self._first: dict[str, Difference] = {}

    def add(self, run: int, found: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
        """Hold the tensors of a run against those expected under the same names."""
        for name, array in found.items():
            compared = compare({name: array}, {name: expected[name]})
            self._seen.add(name)
            self._values += compared.values
            self._differing += compared.differing
            first = compared.first
            known = self._first.get(name)
            if first is not None and (known is None or run < known.run):
                self._first[name] = Difference(name, first.index, first.found, first.expected, run)

    @property
    def differing(self) -> tuple[str, ...]:
        """The tensors that differ somewhere, in the graph's order."""
        return tuple(sorted(self._first, key=self._order.__getitem__))

    def comparison(self) -> Comparison:
        """All of it; the first difference is in the first tensor, and there in the first run."""
        first = self._first[self.differing[0]] if self._first else None
        return Comparison(len(self._seen), self._values, self._differing, first)
