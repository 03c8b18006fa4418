# SPDX-License-Identifier: Apache-2.0
"""Folding BatchNormalization away leaves the function and no statistics."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.folded_network import folded_network, write_folded_network
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.save import save_model
from intaglio.compiler.real.statistics import read_channel_statistics
from intaglio.compiler.synthesis.targets.batch_norm_targets import batch_norm_targets
from intaglio.errors import InvalidData
from tests.compiler.real.building import assert_same_function, ops, parse, random

MODEL = parse(
    """(float[n,2,3,3] x) => (float[n,2,3,3] z) {
        h = Conv(x, w)
        y = BatchNormalization(h, g, b, m, v)
        z = Relu(y)
    }""",
    w=random(0, 2, 2, 1, 1),
    g=random(1, 2),
    b=random(2, 2),
    m=random(3, 2),
    v=np.array([1.0, 4.0], np.float32),
)


def test_the_function_stays_and_nothing_tells_of_statistics() -> None:
    folded = folded_network(MODEL)
    assert_same_function(MODEL, folded)
    assert ops(folded) == ["Conv", "Relu"]
    for model in (folded, normalize(folded)):
        values = [value for node in model.graph for value in node.outputs]
        assert all(read_channel_statistics(value) is None for value in values)


def test_a_written_network_is_read_without_statistics(tmp_path: Path) -> None:
    source, target = tmp_path / "source.onnx", tmp_path / "folded.onnx"
    save_model(MODEL, source)
    write_folded_network(source, target)
    folded = load_model(target)
    assert_same_function(MODEL, folded)
    assert all(not value.metadata_props for node in folded.graph for value in node.outputs)
    with pytest.raises(InvalidData, match="--recipe gzsq"):
        batch_norm_targets(folded)
