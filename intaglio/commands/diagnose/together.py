# SPDX-License-Identifier: Apache-2.0
"""All layers in codes at once: the integer simulator beside the float network, value by value."""

from collections.abc import Collection

import numpy as np
import onnx_ir as ir

from intaglio.commands.diagnose.fidelity import Tally, worst
from intaglio.commands.diagnose.integer_twin import IntegerTwin
from intaglio.commands.diagnose.quantized_network import QuantizedNetwork
from intaglio.commands.diagnose.report import OutputReport
from intaglio.commands.diagnose.watch import Watch
from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session


class Together:
    """A float network, what a recipe made of it, and its integers, run side by side.

    Attributes:
        watches: what was seen of each activation, by its name in the float network.
        expected: for each batch, what the rewritten float network returns; empty without one.
    """

    def __init__(
        self,
        original: ir.Model,
        rewritten: ir.Model | None,
        network: QuantizedNetwork,
        twin: IntegerTwin,
    ) -> None:
        """Load the networks.

        Args:
            original: the float network as it was given.
            rewritten: the float network whose values the codes stand for, if it is known.
            network: the quantized one.
            twin: the same as integers.
        """
        self.watches = {one.name: Watch(one) for one in network.activations}
        self.expected: list[dict[str, Array]] = []
        self._twin = twin
        self._original = Session(original, optimize=False)
        self._rewritten = (
            None
            if rewritten is None
            else Session(_showing(rewritten, self.watches), optimize=False)
        )
        self._returned = [value.name or "" for value in original.graph.outputs]
        self._quantized = {name: Tally() for name in self._returned}
        self._moved = {name: Tally() for name in self._returned}
        self._same_greatest: int | None = 0

    def run(self, feeds: Feeds) -> None:
        """Run all of them once."""
        given, found = self._original.run(feeds), self._twin.run(feeds)
        values: dict[str, Array] = {}
        if self._rewritten is not None:
            values = {**feeds, **self._rewritten.run(feeds)}
            self.expected.append({name: values[name] for name in self._returned})
        for name, watch in self.watches.items():
            watch.see(found[watch.activation.codes], values.get(name))
        for name in self._returned:
            self._quantized[name].add(given[name], found[name])
            if values:
                self._moved[name].add(given[name], values[name])
        first = self._returned[0]
        same = same_greatest(given[first], found[first])
        counted = self._same_greatest
        self._same_greatest = None if same is None or counted is None else counted + same

    def output(self) -> OutputReport:
        """What was seen of the outputs."""
        quantized, moved = (
            worst([tally.fidelity() for tally in tallies.values()])
            for tallies in (self._quantized, self._moved)
        )
        return OutputReport(quantized, moved if self.expected else None, self._same_greatest)


def same_greatest(expected: Array, found: Array) -> int | None:
    """Of how many samples ``[N, ...]`` the greatest element (the first of equals) is the same."""
    first, second = (array.reshape(len(array), -1) for array in (expected, found))
    if first.shape[1] < 2:
        return None
    return int(np.count_nonzero(first.argmax(axis=1) == second.argmax(axis=1)))


def _showing(model: ir.Model, names: Collection[str]) -> ir.Model:
    """A copy of the model that returns these values too."""
    copy = model.clone()
    returned = {value.name for value in copy.graph.outputs}
    for node in copy.graph:
        copy.graph.outputs.extend(
            value for value in node.outputs if value.name in names and value.name not in returned
        )
    return copy
