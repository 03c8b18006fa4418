# SPDX-License-Identifier: Apache-2.0
"""The verb on the digits network: marks, refusals, interruptions, and the same bytes after them."""

import copy
import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import (
    convert_model_to_external_data,
    write_external_data_tensors,
)

from tests.cli.running import DIGITS, ROOT, done, files, intaglio

DATA = DIGITS / "heldout.npz"
BITS = "contraction.accumulator_bits=11,14,18,24"
RULES = "contraction.overflow=wrap,saturate,saturate-each-add"
SETTINGS = 12
RESULTS = ("sweep.csv", "sweep.json", "pareto.svg")


@pytest.fixture(scope="module")
def floating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer, fitted to the digits by least squares."""
    with np.load(DIGITS / "calibration.npz") as data:
        arrays = {name: np.asarray(data[name]) for name in data.files}
    labels = arrays.pop(next(name for name in arrays if name.startswith("label")))
    (images,) = arrays.values()
    pixels = images.reshape(len(images), -1).astype(np.float64)
    weights = np.linalg.lstsq(pixels, np.eye(10)[labels], rcond=None)[0]
    shape = [None, *images.shape[1:]]
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"], "classify"),
        ],
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 10])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    path = tmp_path_factory.mktemp("linear") / "linear.onnx"
    opsets = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="module")
def linear(floating: Path) -> Path:
    """The same, quantized; tests only read it."""
    path = floating.with_suffix(".qdq.onnx")
    done("quantize", floating, "-o", path, "--calibration", DIGITS / "calibration.npz")
    return path


def sweep(linear: Path, folder: Path, *more: str | Path, limit: int = 40) -> str:
    return done(
        "sweep", linear, "--data", DATA, "--limit", str(limit), "-o", folder, "--axis", BITS,
        "--axis", RULES, "--workers", "0", *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(linear: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted sweep; tests only read it."""
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    assert f"{SETTINGS} settings" in sweep(linear, folder)
    return folder


def test_rows_agree_with_simulate(linear: Path, whole: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader((whole / "sweep.csv").open()))
    assert len(rows) == SETTINGS
    profile_text = done("profiles", "--show", "single-rounding")
    for row in rows[::4]:
        profile = profile_text
        bits, rule = row["contraction.accumulator_bits"], row["contraction.overflow"]
        assert profile.count("accumulator_bits = 64") == 2
        profile = profile.replace(
            "accumulator_bits = 64", f'accumulator_bits = {bits}\noverflow = "{rule}"', 1
        )
        (tmp_path / "mine.toml").write_text(profile)
        facts = json.loads(
            done(
                "simulate", linear, "--profile", tmp_path / "mine.toml", "--data", DATA,
                "--limit", "40", "--engine", "reference", "--threads", "1", "--json",
            )
        )  # fmt: skip
        assert int(row["correct"]) == facts["correct"]


def test_sums_in_order_are_counted_on_request(linear: Path, whole: Path, tmp_path: Path) -> None:
    sweep(linear, tmp_path / "counted", "--count-ordered")
    counted, plain = (
        json.loads((folder / "sweep.json").read_text())["rows"]
        for folder in (tmp_path / "counted", whole)
    )
    uncounted = [row for row in plain if not row["overflows"]]
    assert {row["setting"]["contraction.overflow"] for row in uncounted} == {"saturate-each-add"}
    for row, without in zip(counted, plain, strict=True):
        assert row | {"overflows": without["overflows"]} == without
        if without["overflows"]:
            assert row == without
    profile = done("profiles", "--show", "single-rounding")
    narrow = next(row for row in counted if row["setting"] == uncounted[0]["setting"])
    bits = narrow["setting"]["contraction.accumulator_bits"]
    (tmp_path / "mine.toml").write_text(
        profile.replace(
            "accumulator_bits = 64",
            f'accumulator_bits = {bits}\noverflow = "saturate-each-add"',
            1,
        )
    )
    statistics = json.loads(
        done(
            "simulate", linear, "--profile", tmp_path / "mine.toml", "--data", DATA, "--limit",
            "40", "--statistics", "--json",
        )
    )["statistics"]  # fmt: skip
    assert narrow["overflows"]["saturations"] == statistics["total"]["saturations"] > 0


def test_wide_enough_is_proved_and_shares_the_run(whole: Path) -> None:
    facts = json.loads((whole / "sweep.json").read_text())
    assert facts["runs"] < facts["settings"] == SETTINGS
    for row in facts["rows"]:
        if row["setting"]["contraction.accumulator_bits"] == "24":
            assert row["proved"]
        if row["proved"]:
            assert row["differing_bits"] == 0
            assert row["overflows"] == {"saturations": 0, "wraps": 0}
    assert any(row["differing_bits"] for row in facts["rows"])
    assert any(row["overflows"].get("wraps") for row in facts["rows"])
    marks = {
        mark["others"]["contraction.overflow"]: mark
        for mark in facts["marks"]
        if mark["axis"] == "contraction.accumulator_bits"
    }
    assert all(int(mark["unchanged"]) <= int(mark["proved"]) for mark in marks.values())


def test_again_is_the_same_bytes_and_runs_nothing(
    linear: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(whole)
    monkeypatch.setattr("intaglio.commands.sweep.crews.ChunkRunner", None)
    sweep(linear, whole)
    assert files(whole) == before


def test_processes_give_the_same_bytes(linear: Path, whole: Path, tmp_path: Path) -> None:
    sweep(linear, tmp_path / "out", "--workers", "2")
    assert results(tmp_path / "out") == results(whole)


def test_batches_give_the_same_counts(linear: Path, whole: Path, tmp_path: Path) -> None:
    sweep(linear, tmp_path / "out", "--batch", "7")
    first, second = (
        [{**row, "run": ""} for row in csv.DictReader((folder / "sweep.csv").open())]
        for folder in (whole, tmp_path / "out")
    )
    assert first == second


def results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_goes_on_to_the_same_bytes(
    linear: Path, whole: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "out"
    command = [
        sys.executable, "-m", "intaglio.cli", "sweep", str(linear), "--data", str(DATA),
        "--limit", "40", "-o", str(folder), "--axis", BITS, "--axis", RULES, "--workers", "1",
        "--quiet",
    ]  # fmt: skip
    environment = {**os.environ, "INTAGLIO_CACHE": str(tmp_path / "cache")}
    started = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(folder.glob("runs/*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    started.send_signal(number)
    code = started.wait(60)
    assert code == (130 if number is signal.SIGINT else -number)
    assert not (folder / "sweep.json").exists()
    finished = len(list(folder.glob("runs/*.json")))
    assert 0 < finished < json.loads((whole / "sweep.json").read_text())["runs"]
    sweep(linear, folder)
    assert results(folder) == results(whole)


def test_a_list_and_ties(linear: Path, tmp_path: Path) -> None:
    listed = tmp_path / "settings.csv"
    listed.write_text(
        "contraction.accumulator_bits+mean.accumulator_bits,hardware\n20,tflm\n24,single-rounding\n"
    )
    facts = json.loads(
        done(
            "sweep", linear, "--data", DATA, "--limit", "5", "-o", tmp_path / "out", "--json",
            "--list", listed, "--workers", "0", "--axis", "contraction.order=BIAS_LAST",
        )
    )  # fmt: skip
    assert [row["setting"]["hardware"] for row in facts["rows"]] == ["tflm", "single-rounding"]
    assert len(facts["axes"]) == 3


def test_a_setting_that_the_network_cannot_have_is_a_row(linear: Path, tmp_path: Path) -> None:
    out = done(
        "sweep", linear, "--data", DATA, "--limit", "5", "-o", tmp_path / "out", "--workers",
        "0", "--axis", 'contraction.rescale.scheme={kind="power-of-two",rounding="floor"},'
        '{kind="float32"}',
    )  # fmt: skip
    assert "refused contraction.rescale.scheme=" in out
    (refused, kept) = csv.DictReader((tmp_path / "out" / "sweep.csv").open())
    assert refused["refused"]
    assert kept["samples"] == "5"


def test_a_reference_of_ones_own(linear: Path, tmp_path: Path) -> None:
    facts = json.loads(
        done(
            "sweep", linear, "--data", DATA, "--limit", "20", "-o", tmp_path / "out", "--json",
            "--workers", "0", "--axis", "contraction.accumulator_bits=14,24", "--reference",
            "contraction.accumulator_bits=14",
        )
    )  # fmt: skip
    assert [row["proved"] for row in facts["rows"]] == [True, False]


def test_a_recipe_is_swept_and_quantized_once(floating: Path, tmp_path: Path) -> None:
    arguments = [
        "sweep", floating, "--data", DATA, "--limit", "10", "-o", tmp_path / "out",
        "--calibration", DIGITS / "calibration.npz", "--workers", "0", "--json", "--axis",
        "recipe.bits=w8a8,w4a8", "--axis", "contraction.accumulator_bits=14,32",
    ]  # fmt: skip
    facts = json.loads(done(*map(str, arguments)))
    assert len(facts["rows"]) == 4
    assert len(list((tmp_path / "out" / "quantized").glob("*.onnx"))) == 2
    before = files(tmp_path / "out")
    done(*map(str, arguments))
    assert files(tmp_path / "out") == before
    assert [row["setting"]["recipe.bits"] for row in facts["rows"]][:2] == ["w8a8", "w8a8"]


def test_weights_beside_the_model_are_part_of_it(floating: Path, tmp_path: Path) -> None:
    model = onnx.load_model_from_string(floating.read_bytes())
    proto = next(each for each in model.graph.initializer if len(each.dims) > 1)
    weights = numpy_helper.to_array(proto).copy()
    apart = tmp_path / "apart.onnx"

    def swept(folder: str, values: np.ndarray[Any, Any]) -> bytes:
        proto.CopyFrom(numpy_helper.from_array(values, proto.name))
        (tmp_path / "weights.bin").unlink(missing_ok=True)
        part = copy.deepcopy(model)
        convert_model_to_external_data(part, location="weights.bin", size_threshold=0)
        write_external_data_tensors(part, str(tmp_path))
        apart.write_bytes(part.SerializeToString())
        done(
            "sweep", apart, "--data", DATA, "--limit", "10", "-o", tmp_path / folder,
            "--calibration", DIGITS / "calibration.npz", "--workers", "0", "--axis",
            "contraction.accumulator_bits=14,32",
        )  # fmt: skip
        return (tmp_path / folder / "sweep.csv").read_bytes()

    first, text = swept("kept", weights), apart.read_bytes()
    second = swept("kept", -weights)
    assert apart.read_bytes() == text
    assert first != second == swept("fresh", -weights)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--axis", "contraction.acumulator_bits=8"], "did you mean contraction.accumulator_bits"),
        (["--axis", "contraction.accumulator_bits=8,65"], "the nearest is 64"),
        (["--axis", "contraction.overflow=warp"], "wrap perhaps"),
        (["--axis", "recipe.bits=w8a8"], "is quantized already"),
        (["--axis", "contraction.accumulator_bits"], "write FIELD=VALUE"),
        ([], "nothing varies"),
        (["--axis", "hardware=tfml"], "did you mean tflm"),
        (["--axis", "mean.accumulator_bits=8", "--reference", "a=1,2"], "several values"),
        (["--axis", "mean.accumulator_bits=8", "--recipe", "dfq"], "is quantized already"),
        (["--axis", "mean.accumulator_bits=8", "--workers", "257"], "use 0 to 256"),
        (["--list", "absent.csv"], "can't be read"),
    ],
)
def test_unusable_requests_are_one_sentence(
    linear: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    finished = intaglio(
        "sweep", linear, "--data", DATA, "--limit", "2", "-o", tmp_path / "out", *arguments
    )
    assert finished.code == 2
    assert said in finished.err
    assert "Traceback" not in finished.err
    assert not (tmp_path / "out" / "sweep.json").exists()


def test_a_lowered_model_is_refused(lowered: Path, tmp_path: Path) -> None:
    finished = intaglio(
        "sweep",
        lowered,
        "--data",
        DATA,
        "-o",
        tmp_path / "out",
        "--axis",
        "mean.accumulator_bits=9",
    )
    assert finished.code == 2
    assert "chosen already" in finished.err


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray isn't installed")
def test_two_ray_workers_give_the_same_bytes(linear: Path, whole: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "intaglio.cli", "sweep", str(linear), "--data", str(DATA),
        "--limit", "40", "-o", str(tmp_path / "out"), "--axis", BITS, "--axis", RULES,
        "--workers", "2", "--ray", "local",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert results(tmp_path / "out") == results(whole)


def test_an_absent_cluster_is_one_sentence(linear: Path, tmp_path: Path) -> None:
    finished = intaglio(
        "sweep", linear, "--data", DATA, "--limit", "2", "-o", tmp_path / "out", "--axis",
        "mean.accumulator_bits=32", "--ray", "nowhere://1",
    )  # fmt: skip
    assert finished.code == 2
    assert "--ray" in finished.err
