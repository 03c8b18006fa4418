# SPDX-License-Identifier: Apache-2.0
"""What a sweep shares on real networks is equal there, run by run."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.batches import graph_feeds
from intaglio.commands.models import LoweringOptions, import_file
from intaglio.commands.quantize import CalibrationSource, Given, quantize_file
from intaglio.commands.sweep.canonical import canonical_hash
from intaglio.commands.sweep.profile_fields import changed
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.pipeline import lower
from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.schema import Tree
from intaglio.simulator import vectorized
from tests.real.networks import Network, Samples

SCHEME = "contraction.rescale.scheme"
SETTINGS: tuple[dict[str, Tree], ...] = (
    {"contraction.accumulator_bits": 64},
    {"contraction.accumulator_bits": 32, "contraction.overflow": "saturate-each-add"},
    {"contraction.accumulator_bits": 20, "contraction.overflow": "saturate"},
    {"contraction.accumulator_bits": 18, "contraction.overflow": "saturate"},
    {f"{SCHEME}.multiplier_bits": 32},
    {f"{SCHEME}.multiplier_bits": 32, f"{SCHEME}.rounding": "half-even"},
    {f"{SCHEME}.multiplier_bits": 40},
    {f"{SCHEME}.multiplier_bits": 40, f"{SCHEME}.rounding": "half-away-from-zero"},
    {SCHEME: {"kind": "rational", "rounding": "half-even"}},
    {f"{SCHEME}.multiplier_bits": 16},
)


@pytest.mark.real
def test_settings_with_one_hash_give_every_value_the_same_bits(
    real_data: Path, tmp_path: Path
) -> None:
    network = Network("cifar10/resnet20_bn.onnx", Samples("cifar10/test_5000_jpeg.npz", "cifar"))
    model = tmp_path / "resnet20.onnx"
    calibration = CalibrationSource(
        real_data / "cifar10/train_2000.npz", preprocessing="cifar", samples=20
    )
    quantize_file(real_data / network.file, model, given=Given(calibration))
    scaled = import_file(model, LoweringOptions())
    profile = load_profile("single-rounding")
    by_hash: dict[str, list[Graph]] = {}
    for setting in SETTINGS:
        graph = lower(scaled, changed(profile, setting))
        by_hash.setdefault(canonical_hash(graph), []).append(graph)
    assert 4 <= len(by_hash) <= 7
    feeds = list(network.feeds(real_data, network.load(real_data), 3))
    for graphs in by_hash.values():
        found = [_codes(graph, dict(batch)) for graph in graphs for batch in feeds]
        assert found == found[: len(feeds)] * len(graphs)


def _codes(graph: Graph, inputs: dict[str, np.ndarray]) -> dict[str, bytes]:
    """The codes of every value that no sum defines: sums have types of their own."""
    traced: dict[str, bytes] = {}
    vectorized.run(
        graph,
        graph_feeds(graph, inputs),
        lambda name, array: traced.__setitem__(name, array.tobytes()),
    )
    return {name: codes for name, codes in traced.items() if not name.endswith(".accumulator")}
