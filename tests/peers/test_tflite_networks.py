# SPDX-License-Identifier: Apache-2.0
"""Whole .tflite networks against their home runtimes: every tensor they show, every bit.

docs/tflite-networks.md has a cell for each network and runtime.  A cell that isn't compared states
who refuses the network and why, and the refusal is tested.
"""

from pathlib import Path

import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.environments import demand
from intaglio.errors import IntaglioError, MissingPeer
from intaglio.numerics.profile import load_profile
from tests.peers.tflite.networks import (
    NETWORKS,
    PEERS,
    SAMPLES,
    Network,
    cell,
    compared,
    stated,
)

pytestmark = [pytest.mark.peer, pytest.mark.real, pytest.mark.slow]

TABLE = stated(Path(__file__).parents[2] / "docs" / "tflite-networks.md")
CELLS = [
    pytest.param(network, peer, id=f"{network.name}-{peer.value}")
    for network in NETWORKS
    for peer in PEERS
]


@pytest.mark.parametrize(("network", "peer"), CELLS)
def test_every_bit(real_data: Path, network: Network, peer: Peer) -> None:
    try:
        demand(peer)
    except MissingPeer as error:
        pytest.skip(str(error))
    if peer in network.refused:
        words, reason = network.refused[peer]
        with pytest.raises(IntaglioError) as caught:
            compared(real_data, network, peer)
        assert words in str(caught.value)
        assert TABLE[network.name, peer.value] == reason
        return
    found = compared(real_data, network, peer)
    assert (
        f"{found.program}, {found.kernels}, x86-64" in load_profile(found.profile).checked_against
    )
    assert found.divergences == ()
    assert found.samples == SAMPLES
    assert TABLE[network.name, peer.value] == cell(found)


def test_the_table_has_these_cells_alone() -> None:
    assert TABLE.keys() == {(network.name, peer.value) for network in NETWORKS for peer in PEERS}
