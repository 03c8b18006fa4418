# SPDX-License-Identifier: Apache-2.0
"""Files that are held against each other, and samples where none are given."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.commands.diagnose.comparability import foreign_layers
from intaglio.commands.diagnose.opening import (
    DataSource,
    batches,
    quantized_before,
    quantized_here,
)
from intaglio.commands.diagnose.quantized_network import read_quantized
from intaglio.commands.quantize import CalibrationSource, Given
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes import Choices
from intaglio.errors import InvalidData, InvalidFile
from tests.commands.diagnose import networks
from tests.commands.diagnose.networks import (
    CHAIN,
    PER_TENSOR,
    Case,
    case,
    chain_constants,
    spoiled_constants,
)
from tests.compiler.real.building import parse, random


def saved(folder: Path, small: Case) -> tuple[Path, Path]:
    model, quantized = folder / "net.onnx", folder / "net.q.onnx"
    save_model(small.model, model)
    save_model(small.subject.quantized, quantized)
    return model, quantized


def test_a_file_and_what_was_made_of_it_are_comparable(tmp_path: Path) -> None:
    subject = quantized_before(*saved(tmp_path, case(chain_constants())))
    assert subject.rewritten is subject.original
    assert (subject.name, subject.remarks) == ("net.onnx", ())


def test_a_rewritten_file_is_told_from_its_float_one(tmp_path: Path) -> None:
    model, quantized = saved(tmp_path, case(chain_constants()))
    save_model(parse(CHAIN, **spoiled_constants()), model)
    subject = quantized_before(model, quantized)
    assert subject.rewritten is None
    (remark,) = subject.remarks
    assert "2 of 3 layers of net.q.onnx aren't those of net.onnx rounded" in remark


def test_another_networks_file_is_refused(tmp_path: Path) -> None:
    model, quantized = saved(tmp_path, case(chain_constants()))
    other = CHAIN.replace("] x)", "] image)").replace("(x,", "(image,")
    save_model(parse(other, **chain_constants()), model)
    with pytest.raises(InvalidFile, match=r"its inputs are x, those of .* image; give the float"):
        quantized_before(model, quantized)


def test_two_float_files_are_refused(tmp_path: Path) -> None:
    model, quantized = saved(tmp_path, case(chain_constants()))
    with pytest.raises(InvalidFile, match="no QuantizeLinear"):
        quantized_before(model, model)
    with pytest.raises(InvalidFile, match="quantized already"):
        quantized_before(quantized, quantized)


def test_quantizing_here_gives_what_the_recipe_gives(tmp_path: Path) -> None:
    small = case(chain_constants())
    model, _ = saved(tmp_path, small)
    inputs = np.concatenate([feeds["x"] for feeds in networks.batches(8)])
    np.savez(tmp_path / "data.npz", x=inputs)
    subject = quantized_here(
        model, Choices(codes=PER_TENSOR), Given(CalibrationSource(tmp_path / "data.npz"))
    )
    ours, theirs = (read_quantized(each.quantized) for each in (subject, small.subject))
    assert ours.activations == theirs.activations
    assert subject.rewritten is not None
    assert list(foreign_layers(subject.rewritten, theirs)) == []


def test_noise_fills_the_range_of_the_inputs_codes() -> None:
    subject = case(chain_constants()).subject
    drawn = batches(subject, DataSource(None, limit=20, seed=3))
    assert len(drawn) == 20
    array = np.concatenate([feeds["x"] for feeds in drawn])
    extremes = [float(feeds["x"].min()) for feeds in networks.batches(8)]
    assert array.dtype == np.float32
    assert array.min() == pytest.approx(min(extremes), rel=0.02)
    again = batches(subject, DataSource(None, limit=20, seed=3))
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(drawn, again, strict=True))
    other = batches(subject, DataSource(None, limit=20, seed=4))
    assert not np.array_equal(drawn[0]["x"], other[0]["x"])


def test_noise_comes_in_the_batches_that_a_model_fixes() -> None:
    fixed = CHAIN.replace("[N,", "[3,")
    calibration = [{"x": random(1, 3, 4, 6, 6)}]
    subject = case(chain_constants(), text=fixed, calibration=calibration).subject
    drawn = batches(subject, DataSource(None, limit=7))
    assert [feeds["x"].shape for feeds in drawn] == [(3, 4, 6, 6)] * 3


def test_data_is_read_one_sample_at_a_time(tmp_path: Path) -> None:
    subject = case(chain_constants()).subject
    np.savez(tmp_path / "data.npz", x=random(0, 5, 4, 6, 6))
    drawn = batches(subject, DataSource(tmp_path / "data.npz", limit=3))
    assert [feeds["x"].shape for feeds in drawn] == [(1, 4, 6, 6)] * 3


def test_noise_for_an_input_of_integers_is_refused() -> None:
    subject = case(chain_constants()).subject
    graph = subject.original.clone()
    graph.graph.inputs[0].type = ir.TensorType(ir.DataType.INT32)
    with pytest.raises(InvalidData, match="input x: found numbers of type int32"):
        batches(replace(subject, original=graph), DataSource(None))
