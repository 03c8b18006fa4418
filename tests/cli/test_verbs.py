# SPDX-License-Identifier: Apache-2.0
"""Each verb end to end on the digits network."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

from intaglio.cli.app import VERBS, Verb
from intaglio.commands.profiles import profile_text
from intaglio.compiler.ir.file import load
from intaglio.compiler.ir.graph import Array, Graph, Level
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.real.onnx_runtime import parse
from intaglio.simulator import vectorized
from intaglio.simulator.engine import Observer
from intaglio.simulator.vectorized import Program
from tests.cli.running import DIGITS, ROOT, done, files, intaglio

HELDOUT = DIGITS / "heldout.npz"


def test_quantize_writes_onnx_that_says_what_was_asked(tmp_path: Path) -> None:
    output = tmp_path / "out.onnx"
    printed = done(
        "quantize",
        DIGITS / "digits.onnx",
        "-o",
        output,
        "--calibration",
        DIGITS / "calibration.npz",
        "--samples",
        "7",
        "--bits",
        "w4a8",
        "--weights",
        "per-tensor",
        "--symmetric",
        "--signed",
        "--json",
    )
    facts = json.loads(printed)
    assert (facts["samples"], facts["output"]) == (7, str(output))
    assert facts["output_bytes"] == output.stat().st_size
    proto = parse(output.read_bytes())
    constants = {tensor.name: tensor for tensor in proto.graph.initializer}
    quantizers = [node for node in proto.graph.node if node.op_type == "QuantizeLinear"]
    zero_points = [constants[node.input[2]] for node in quantizers]
    assert {tensor.data_type for tensor in zero_points} == {onnx.TensorProto.INT8}
    assert {tuple(tensor.dims) for tensor in zero_points} == {()}
    weights = [tensor for name, tensor in constants.items() if "weight_quantized" in name]
    assert {tensor.data_type for tensor in weights} == {onnx.TensorProto.INT4}


def test_fewer_samples_give_other_ranges(tmp_path: Path, quantized: Path) -> None:
    output = tmp_path / "digits.qdq.onnx"
    calibration = DIGITS / "calibration.npz"
    common = ("quantize", DIGITS / "digits.onnx", "-o", output, "--calibration", calibration)
    done(*common)
    assert output.read_bytes() == quantized.read_bytes()
    done(*common, "--samples", "3")
    assert output.read_bytes() != quantized.read_bytes()


def test_lower_takes_the_profile(tmp_path: Path, quantized: Path) -> None:
    output = tmp_path / "net.intaglio"
    facts = json.loads(done("lower", quantized, "-o", output, "--profile", "tflm", "--json"))
    graph = load(output)
    assert (graph.profile, graph.level) == ("tflm", Level.FIXED)
    assert facts["nodes"] == len(graph.nodes)
    assert facts["bytes"] == output.stat().st_size


def test_lower_tells_which_sums_may_overflow(tmp_path: Path, quantized: Path) -> None:
    narrow = tmp_path / "narrow.toml"
    text = profile_text("single-rounding").replace("accumulator_bits = 64", "accumulator_bits = 16")
    narrow.write_text(text)
    output = tmp_path / "narrow.intaglio"
    printed = done("lower", quantized, "-o", output, "--profile", narrow)
    assert "stem/conv: its sum may need 18 bits, the accumulator has 16" in printed
    wide = done("lower", quantized, "-o", tmp_path / "wide.intaglio", "--json")
    assert json.loads(wide)["overflowing"] == []


def test_lower_specialises_to_the_batch(tmp_path: Path, quantized: Path) -> None:
    output = tmp_path / "net.intaglio"
    done("lower", quantized, "-o", output, "--batch", "3")
    assert load(output).inputs[0].type.shape == (3, 1, 8, 8)
    done("lower", quantized, "-o", output, "--shape", "image=2,1,8,8")
    assert load(output).inputs[0].type.shape == (2, 1, 8, 8)


def test_print_after_prints_what_parses(tmp_path: Path, quantized: Path) -> None:
    output = tmp_path / "net.intaglio"
    printed = done("lower", quantized, "-o", output, "--print-after", "import")
    assert printed.startswith("graph ")
    assert " scaled" in printed.splitlines()[0]
    finished = intaglio("lower", quantized, "-o", output, "--print-after", "nonsense")
    assert finished.code == 2
    assert "select_arithmetic" in finished.err


def test_simulate_reads_the_digits_with_any_number_of_threads(lowered: Path) -> None:
    correct = {
        json.loads(done("simulate", lowered, "--data", HELDOUT, "--threads", threads, "--json"))[
            "correct"
        ]
        for threads in ("1", "2", "3")
    }
    assert len(correct) == 1
    assert correct.pop() >= 530


def test_simulate_saves_the_outputs_of_every_sample(
    tmp_path: Path, quantized: Path, lowered: Path
) -> None:
    one, three = tmp_path / "one.npz", tmp_path / "three.npz"
    common = ("--data", HELDOUT, "--limit", "10", "--skip", "5")
    done("simulate", lowered, *common, "--save", one)
    # Batches of three leave one sample over.
    done("simulate", quantized, *common, "--batch", "3", "--save", three)
    with np.load(one) as first, np.load(three) as second, np.load(HELDOUT) as data:
        assert first.files == second.files == ["logits"]
        np.testing.assert_array_equal(first["logits"], second["logits"])
        graph = load(lowered)
        expected = [
            vectorized.run(graph, {"image": image[None]})["logits"][0]
            for image in data["inputs"][5:15]
        ]
    with np.load(one) as first:
        np.testing.assert_array_equal(first["logits"], np.stack(expected))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "three.npz"]


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    ("engine", "against"),
    [("compiled", "reference"), ("vectorized", "reference"), ("compiled", "vectorized")],
)
def test_the_engines_are_held_against_each_other(
    lowered: Path, engine: str, against: str, threads: str
) -> None:
    printed = done(
        "simulate",
        lowered,
        *("--data", HELDOUT, "--limit", "3", "--threads", threads),
        *("--engine", engine, "--against", against, "--json"),
    )
    facts = json.loads(printed)
    assert (facts["engine"], facts["against"]) == (engine, against)
    comparison = facts["comparison"]
    graph = load(lowered)
    names = [given.name for given in graph.inputs] + [node.name for node in graph.nodes]
    values = sum(graph.type_of(name).size for name in names)
    assert comparison["tensors"] == len(names)
    assert comparison["values"] == 3 * values
    assert comparison["differing"] == 0
    assert comparison["first"] is None


class OffByOne:
    """An engine that gets one element of one tensor of the second run wrong."""

    runs = 0

    def __init__(self, graph: Graph) -> None:
        self.program = Program(graph)
        self.tensor = graph.nodes[9].name

    def run(
        self, inputs: Mapping[str, Array], observer: Observer | None = None
    ) -> dict[str, Array]:
        if observer is None:
            return self.program.run(inputs)
        OffByOne.runs += 1

        def observe(name: str, array: Array) -> None:
            if name == self.tensor and OffByOne.runs == 2:
                array = array.copy()
                array[0, 0, 1, 3] += 1
            observer(name, array)

        return self.program.run(inputs, observe)


def test_engines_that_differ_exit_with_1_and_name_the_place(
    lowered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = load(lowered)
    wrong = graph.nodes[9].name
    seen: dict[str, Array] = {}
    with np.load(HELDOUT) as data:
        vectorized.run(graph, {"image": data["inputs"][1:2]}, seen.__setitem__)
    right = int(seen[wrong][0, 0, 1, 3])
    monkeypatch.setattr("intaglio.commands.engines.vectorized.Program", OffByOne)
    data = ("--data", HELDOUT, "--limit", "3", "--threads", "1")
    arguments = (*data, "--engine", "vectorized", "--against", "reference")
    OffByOne.runs = 0
    finished = intaglio("simulate", lowered, *arguments)
    assert finished.code == 1
    assert f"%{wrong}[0, 0, 1, 3] of run 1" in finished.out
    assert f"vectorized has {right + 1}, reference has {right}" in finished.out
    OffByOne.runs = 0
    finished = intaglio("simulate", lowered, *arguments, "--json")
    assert finished.code == 1
    comparison = json.loads(finished.out)["comparison"]
    assert comparison["differing"] == 1
    assert comparison["first"] == {
        "run": 1,
        "tensor": wrong,
        "index": [0, 0, 1, 3],
        "found": str(right + 1),
        "expected": str(right),
    }


@pytest.mark.parametrize(
    "engines",
    [("--engine", "vectorized", "--against", "vectorized"), ("--against", "compiled")],
)
def test_an_engine_is_not_held_against_itself(lowered: Path, engines: tuple[str, ...]) -> None:
    finished = intaglio("simulate", lowered, "--data", HELDOUT, *engines)
    assert finished.code == 2
    assert "--against" in finished.err


def test_the_compiled_engine_runs_by_default(lowered: Path) -> None:
    printed = done("simulate", lowered, "--data", HELDOUT, "--limit", "2")
    assert "engine compiled: 2 samples" in printed


def test_the_vectorized_engine_runs_what_cannot_be_compiled(
    lowered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(graph: Graph) -> tuple[str, ...]:
        return (f"{graph.nodes[0].name}: no kernel",)

    monkeypatch.setattr("intaglio.commands.engines.compiled.unsupported", refused)
    monkeypatch.setattr("intaglio.simulator.compiled.program.unsupported", refused)
    common = ("simulate", lowered, "--data", HELDOUT, "--limit", "2")
    assert "engine vectorized: 2 samples" in done(*common)
    finished = intaglio(*common, "--engine", "compiled")
    assert finished.code == 2
    assert f"{load(lowered).nodes[0].name}: no kernel" in finished.err


def test_inspect_counts_the_same_products_at_every_level(quantized: Path, lowered: Path) -> None:
    real, scaled, fixed, stored = (
        json.loads(done("inspect", *arguments, "--json"))
        for arguments in (
            (DIGITS / "digits.onnx",),
            (quantized, "--scaled"),
            (quantized,),
            (lowered,),
        )
    )
    assert [each["level"] for each in (real, scaled, fixed)] == ["float", "scaled", "fixed"]
    products = {each["multiply_accumulates"] for each in (real, scaled, fixed)}
    assert products == {294_912}
    assert stored["layers"] == fixed["layers"]
    assert scaled["parameters"] == fixed["parameters"]


def test_inspect_tells_the_interface(lowered: Path) -> None:
    facts = json.loads(done("inspect", lowered, "--json"))
    (given,) = facts["inputs"]
    assert (given["name"], given["type"], given["shape"]) == ("image", "f32", [1, 1, 8, 8])
    assert (given["code_type"], given["zero_point"]) == ("u8", 0)
    assert given["scale"] == float(np.float32(1 / 255))
    (returned,) = facts["outputs"]
    assert (returned["name"], returned["type"], returned["code_type"]) == ("logits", "f32", "u8")


def test_inspect_shows_the_accumulators_that_proof_demands(lowered: Path) -> None:
    layers = json.loads(done("inspect", lowered, "--json"))["layers"]
    sums = [layer for layer in layers if layer["needed_bits"] is not None]
    assert len(sums) >= 15
    assert all(layer["final_bits"] <= layer["needed_bits"] for layer in sums)
    assert all(layer["needed_bits"] <= layer["declared_bits"] <= 32 for layer in sums)
    printed = done("inspect", lowered)
    assert "bits needed" in printed
    assert "294,912 MACs" in printed


def test_inspect_prints_the_text_form(lowered: Path) -> None:
    graph = load(lowered)
    arrays = {constant.name: constant.array for constant in graph.constants}
    assert parse_graph(done("inspect", lowered, "--text"), arrays) == graph


def test_profiles_are_listed_and_shown() -> None:
    names = [each["name"] for each in json.loads(done("profiles", "--json"))]
    assert {"single-rounding", "tflm", "ort-x86-vnni"} <= set(names)
    assert all(name in done("profiles") for name in names)
    assert 'name = "tflm"' in done("profiles", "--show", "tflm")
    finished = intaglio("profiles", "--show", "tflmm")
    assert finished.code == 2
    assert "tflm" in finished.err


def test_a_shown_profile_can_be_used_as_a_file(tmp_path: Path, quantized: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(done("profiles", "--show", "tflm"))
    done("lower", quantized, "-o", tmp_path / "a.intaglio", "--profile", file)
    done("lower", quantized, "-o", tmp_path / "b.intaglio", "--profile", "tflm")
    assert load(tmp_path / "a.intaglio") == load(tmp_path / "b.intaglio")


HOST_FILES = "CMakeLists.txt digits.h digits.json digits.o libdigits.a libdigits.so main.c".split()


def test_the_demo_reports_and_keeps_its_files(tmp_path: Path) -> None:
    printed = done("demo", "-o", tmp_path / "demo", "--limit", "12", "--threads", "2")
    lines = [line for line in printed.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 80
    assert "vectorized equals reference on every bit" in printed
    assert "compiled equals vectorized on every bit" in printed
    facts = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert facts["images"] == 12
    assert facts["comparison"] == facts["compiled_comparison"]
    assert facts["comparison"]["differing"] == 0
    assert facts["comparison"]["values"] > 12 * 10_000
    assert len(facts["accumulators"]) >= 15
    assert sorted(files(tmp_path)) == [
        "demo/digits.intaglio",
        "demo/digits.qdq.onnx",
        *(f"demo/host/{name}" for name in HOST_FILES),
        "demo/report.json",
    ]
    # Once more over what is there.
    done("demo", "-o", tmp_path / "demo", "--limit", "1")


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.run.__name__)
def test_every_verb_has_help_with_an_example(verb: Verb) -> None:
    name = verb.run.__name__
    printed = " ".join(done(name, "--help").split())
    assert f"Example: intaglio {name}" in printed


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from intaglio.cli.app import app; "
        "print([m for m in ('numpy', 'onnx', 'onnxruntime', 'tvm') if m in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout == "[]\n"


def test_the_version_is_told() -> None:
    assert done("--version").startswith("intaglio ")


@pytest.mark.parametrize("engine", ["vectorized", "reference"])
def test_an_interrupt_is_quiet_and_leaves_nothing(
    tmp_path: Path, lowered: Path, engine: str
) -> None:
    data, folder = tmp_path / "many.npz", tmp_path / "outputs"
    folder.mkdir()
    with np.load(HELDOUT) as arrays:
        # More than any engine gets through before the interrupt.
        inputs, labels = (np.concatenate([arrays[name]] * 100) for name in ("inputs", "labels"))
        np.savez(data, inputs=inputs, labels=labels)
    command = [sys.executable, "-m", "intaglio.cli", "simulate", str(lowered)]
    command += ["--data", str(data), "--engine", engine, "--save", str(folder / "out.npz")]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job ignores interrupts, and so would everything below it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 30
    while not any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert any(folder.iterdir()), "the verb never began to write"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert list(folder.iterdir()) == []
