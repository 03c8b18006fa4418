# SPDX-License-Identifier: Apache-2.0
"""A quantized network in the integer simulator, with the codes of every activation shown."""

from intaglio.commands.diagnose.quantized_network import QuantizedNetwork, with_codes_returned
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import Profile
from intaglio.simulator.vectorized import Program


class IntegerTwin:
    """The network as integers, ready to run many times."""

    def __init__(self, network: QuantizedNetwork, name: str, batch: int, profile: Profile) -> None:
        """Lower the network.

        Raises:
            UnsupportedModel: parts of it have no integer form.
        """
        self._graph = lower(import_onnx(with_codes_returned(network), name, batch), profile)
        self._program = Program(self._graph)

    def run(self, feeds: Feeds) -> dict[str, Array]:
        """Every output, and the codes of every activation, by the quantized network's names.

        Raises:
            InvalidData: the feeds don't fit the network.
        """
        graph = self._graph
        found = self._program.run(
            {given.name: feeds[given.source or given.name] for given in graph.inputs}
        )
        return {
            source: found[name]
            for source, name in zip(graph.output_sources, graph.outputs, strict=True)
        }
