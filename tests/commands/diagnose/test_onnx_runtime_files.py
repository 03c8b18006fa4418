# SPDX-License-Identifier: Apache-2.0
"""QDQ files as ONNX Runtime's own quantizer writes them: no clamps, scales in arrays of one."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from intaglio.commands.diagnose.diagnosing import diagnose
from intaglio.commands.diagnose.opening import quantized_before
from intaglio.compiler.real.save import save_model
from intaglio.numerics.profile import load_profile
from tests.commands.diagnose.networks import CHAIN, batches, chain_constants, spoiled_constants
from tests.compiler.real.building import parse


class Reader:
    """What ``quantize_static`` draws its batches from."""

    def __init__(self) -> None:
        self._batches = iter(batches(8))

    def get_next(self) -> Any:
        return next(self._batches, None)


def quantized_by_onnx_runtime(folder: Path, per_channel: bool) -> tuple[Path, Path]:
    model, quantized = folder / "net.onnx", folder / "net.q.onnx"
    save_model(parse(CHAIN, **spoiled_constants()), model)
    ours: Any = importlib.import_module("onnxruntime.quantization")
    ours.quantize_static(
        str(model),
        str(quantized),
        Reader(),
        per_channel=per_channel,
        activation_type=ours.QuantType.QUInt8,
        weight_type=ours.QuantType.QInt8,
    )
    return model, quantized


@pytest.mark.parametrize("per_channel", [False, True])
def test_every_layer_is_found_in_the_float_network(tmp_path: Path, per_channel: bool) -> None:
    subject = quantized_before(*quantized_by_onnx_runtime(tmp_path, per_channel))
    assert subject.remarks == ()
    found = diagnose(subject, batches(3, first=50), load_profile("single-rounding"))
    assert len(found.weights) == 3
    assert {row.name for row in found.activations} == {"x", "b", "d", "y"}
    for row in found.weights:
        assert row.alone is not None
        assert row.together is not None
    # The Relu in front of ``d`` is left out, so that the layer computes ``d`` itself.
    (spoiled,) = (row for row in found.weights if row.output == "d")
    assert (spoiled.use.channels_median < 0.01) == (not per_channel)
    assert (found.weights[0] is spoiled) == (not per_channel)


def test_other_weights_are_told_by_their_codes(tmp_path: Path) -> None:
    model, quantized = quantized_by_onnx_runtime(tmp_path, per_channel=True)
    save_model(parse(CHAIN, **chain_constants()), model)
    subject = quantized_before(model, quantized)
    assert subject.rewritten is None
    assert "2 of 3 layers" in subject.remarks[0]
    found = diagnose(subject, batches(1), load_profile("single-rounding"))
    assert all(one.after is not None for one in found.ranges)
    assert [one.changed for one in found.ranges] == [True, True, True]
