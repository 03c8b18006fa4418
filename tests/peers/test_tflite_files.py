# SPDX-License-Identifier: Apache-2.0
"""Files of one operator against the runtimes: variants that are no subject of their own."""

import platform

import numpy as np
import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Job, WholeModel, run_peer
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import MissingPeer
from intaglio.frontends.tflite import import_tflite
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.peers.tflite.files import PEERS, files

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.value)
def test_codes_of_files(peer: Peer) -> None:
    if platform.machine() != "x86_64":
        pytest.skip(f"the runtimes are compared on x86-64, not on {platform.machine()}")
    profile = load_profile(peer.about.profile)
    rng = np.random.default_rng(0)
    chosen = [file for file in files() if peer in file.peers]
    graphs = [import_tflite(file.content, file.label) for file in chosen]
    feeds = [
        [
            rng.integers(
                given.type.integer.minimum, given.type.integer.maximum + 1, given.type.shape
            ).astype(given.type.integer.dtype)
            for given in graph.inputs
        ]
        for graph in graphs
    ]
    jobs = [
        Job(file.label, WholeModel(file.content), [arrays])
        for file, arrays in zip(chosen, feeds, strict=True)
    ]
    try:
        answer = run_peer(peer, jobs)
    except MissingPeer as error:
        pytest.skip(str(error))
    differing: dict[str, int] = {}
    for file, graph, arrays, result in zip(chosen, graphs, feeds, answer.results, strict=True):
        fixed = select_arithmetic(graph, profile)
        names = [given.name for given in fixed.inputs]
        ours = vectorized.run(fixed, dict(zip(names, arrays, strict=True)))
        for name, output in zip(fixed.outputs, result.outputs, strict=True):
            found, expected = ours[name], output.values[0]
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            if count := int(np.count_nonzero(found != expected)):
                differing[f"{file.label} {output.name}"] = count
    assert differing == {}
