# SPDX-License-Identifier: Apache-2.0
"""``intaglio compile``: what it writes, prints and refuses."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from intaglio.compiler.ir.file import load, save
from intaglio.compiler.ir.graph import Level
from tests.cli.running import ROOT, done, files, intaglio
from tests.simulator.text_cases import fixed_graph

SOFTMAX = """
%x: i8[2,4] = input
%r: f32[2,4] = dequantize(%x) scale=f32(0.5) zero_point=0
%y: f32[2,4] = float32_softmax(%r) axis=1
"""


def test_it_writes_an_object_and_what_calls_it(tmp_path: Path, lowered: Path) -> None:
    output = tmp_path / "host"
    facts = json.loads(done("compile", lowered, "-o", output, "--name", "net", "--json"))
    written = files(output)
    # A shared library takes a linker.
    made = written.keys() - {"libnet.so"}
    assert made == {"CMakeLists.txt", "libnet.a", "main.c", "net.h", "net.json", "net.o"}
    assert written.keys() == set(facts["files"])
    assert written["net.o"].startswith(b"\x7fELF")
    assert f"NET_ARENA_SIZE {facts['arena_bytes']}\n".encode() in written["net.h"]
    manifest = json.loads(written["net.json"])
    assert manifest["profile"] == load(lowered).profile
    assert sum(facts["kernels"].values()) == len(manifest["kernels"]) >= 15
    assert facts["constant_bytes"] >= 29_000
    assert (facts["target"], facts["instructions"]) == ("host", manifest["machine"]["instructions"])


def test_it_prints_memory_and_forms(tmp_path: Path, lowered: Path) -> None:
    printed = done("compile", lowered, "-o", tmp_path / "host", "--cpu", "portable")
    manifest = json.loads((tmp_path / "host" / "digits.json").read_text())
    assert f"arena {manifest['arena']['bytes']:,} bytes" in printed
    assert f"constants {manifest['constants']['bytes']:,} bytes" in printed
    assert f"kernels: {len(manifest['kernels'])} portable\n" in printed
    assert manifest["machine"]["instructions"] == "portable"


def test_the_footprint_is_in_the_facts_and_in_the_manifest(tmp_path: Path, lowered: Path) -> None:
    arguments = ("--target", "cortex-m4", "--name", "net", "--json", "--report")
    facts = json.loads(done("compile", lowered, "-o", tmp_path / "m4", *arguments))
    written = files(tmp_path / "m4")
    assert json.loads(written["net.json"])["footprint"] == facts["footprint"]
    assert facts["footprint"]["ram_bytes"] > facts["arena_bytes"]
    assert facts["footprint"]["flash_bytes"] > facts["constant_bytes"]
    assert "net_arena.svg" in facts["files"]
    assert written["net_arena.svg"].startswith(b"<svg")


def test_a_report_has_a_row_for_every_layer(tmp_path: Path, lowered: Path) -> None:
    short = done("compile", lowered, "-o", tmp_path / "short", "--target", "cortex-m4")
    whole = done("compile", lowered, "-o", tmp_path / "m4", "--target", "cortex-m4", "--report")
    found = json.loads((tmp_path / "m4" / "digits.json").read_text())["footprint"]
    assert f"{found['ram_bytes']:,}" in short
    assert "MACs" not in short
    for layer in found["layers"]:
        assert f"{layer['live']:,}" in whole
    for name in found["functions"]:
        assert name in whole
    assert f"The stack is deepest in {' > '.join(found['stack']['path'])}." in whole


def test_a_budget_that_is_kept_changes_nothing(tmp_path: Path, lowered: Path) -> None:
    target = ("--target", "cortex-m4", "--name", "net")
    done("compile", lowered, "-o", tmp_path / "free", *target)
    done("compile", lowered, "-o", tmp_path / "kept", *target, "--ram", "64k", "--flash", "1M")
    assert files(tmp_path / "free") == files(tmp_path / "kept")


def test_an_exceeded_budget_names_the_layer_and_writes_nothing(
    tmp_path: Path, lowered: Path
) -> None:
    arguments = ("compile", lowered, "-o", tmp_path / "m4", "--target", "cortex-m4")
    finished = intaglio(*arguments, "--ram", "1.5k", "--flash", "16k")
    assert finished.code == 2
    assert "doesn't fit" in finished.err
    assert "expected at most 16,384" in finished.err
    assert "bytes of constants" in finished.err
    assert "RAM: " in finished.err
    assert "What would fit:" in finished.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", ["0", "many", "64kb", "-1"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, lowered: Path, size: str) -> None:
    finished = intaglio("compile", lowered, "-o", tmp_path / "m4", f"--ram={size}")
    assert finished.code == 2
    assert "--ram" in finished.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86 target")
def test_the_cpu_chooses_the_kernels(tmp_path: Path, lowered: Path) -> None:
    output = tmp_path / "host"
    facts = json.loads(done("compile", lowered, "-o", output, "--cpu", "avx512-vnni", "--json"))
    assert facts["instructions"] == "avx512-vnni"
    assert any("avx512-vnni" in form for form in facts["kernels"])


def test_quantized_onnx_is_lowered_first(tmp_path: Path, quantized: Path) -> None:
    options = ("--profile", "tflm", "--batch", "3", "--cpu", "portable")
    done("compile", quantized, "-o", tmp_path / "host", *options)
    manifest = json.loads((tmp_path / "host" / "digits_qdq.json").read_text())
    assert manifest["profile"] == "tflm"
    assert manifest["inputs"][0]["shape"] == [3, 1, 8, 8]


def test_threads_come_with_a_pool(tmp_path: Path, lowered: Path) -> None:
    printed = done("compile", lowered, "-o", tmp_path / "host", "--name", "net", "--threads", "3")
    written = files(tmp_path / "host")
    assert written.keys() > {"main.c", "net.h", "net.json", "net.o", "net_threads.c"}
    assert b"net_threads.c" in written["CMakeLists.txt"]
    assert "3 threads" in printed
    assert json.loads(written["net.json"])["threads"] == 3
    assert b"#define NET_THREADS 3\n" in written["net.h"]


def test_a_number_of_threads_without_sense_writes_nothing(tmp_path: Path, lowered: Path) -> None:
    finished = intaglio("compile", lowered, "-o", tmp_path / "host", "--threads", "0")
    assert finished.code == 2
    assert "threads 0: no such number of threads" in finished.err
    assert not (tmp_path / "host").exists()


def test_what_has_no_kernel_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    graph = fixed_graph(SOFTMAX)
    assert graph.level is Level.FIXED
    model = tmp_path / "softmax.intaglio"
    save(graph, model)
    finished = intaglio("compile", model, "-o", tmp_path / "host")
    assert finished.code == 2
    assert str(model) in finished.err
    assert "Float32Softmax" in finished.err
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize("name", ["2x", "a-b", ""])
def test_a_name_that_c_refuses_is_refused(tmp_path: Path, lowered: Path, name: str) -> None:
    finished = intaglio("compile", lowered, "-o", tmp_path / "host", "--name", name)
    assert finished.code == 2
    assert "identifier" in finished.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_kept(tmp_path: Path, lowered: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    finished = intaglio("compile", lowered, "-o", tmp_path)
    assert finished.code == 2
    assert files(tmp_path) == {"kept": b"mine"}


def test_options_of_lowering_need_an_onnx_model(tmp_path: Path, lowered: Path) -> None:
    finished = intaglio("compile", lowered, "-o", tmp_path / "host", "--batch", "2")
    assert finished.code == 2
    assert "--batch" in finished.err


def test_a_compiled_model_is_simulated_without_the_compiler(lowered: Path) -> None:
    simulate = ["simulate", str(lowered), "--data", str(ROOT / "examples/digits/heldout.npz")]
    simulate += ["--limit", "1"]
    done(*simulate)
    code = (
        "import sys; from intaglio.cli.app import app; "
        "app(sys.argv[1:], standalone_mode=False); print('tvm' in sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, *simulate],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.splitlines()[-1] == "False"


def test_targets_by_name(tmp_path: Path, lowered: Path) -> None:
    output = tmp_path / "arm"
    facts = json.loads(
        done("compile", lowered, "-o", output, "--target", "aarch64+fat", "--name", "net", "--json")
    )
    assert {"net.o", "net_i8mm.o", "net_dotprod.o", "net_neon.o"} < set(facts["files"])
    manifest = json.loads((output / "net.json").read_text())
    assert [each["name"] for each in manifest["variants"]] == [
        "net_i8mm",
        "net_dotprod",
        "net_neon",
    ]
    finished = intaglio("compile", lowered, "-o", tmp_path / "b", "--target", "aarch64+fad")
    assert finished.code == 2
    assert "did you mean aarch64+fat." in finished.err


def test_layers_are_shown_where_that_is_asked_for(tmp_path: Path, lowered: Path) -> None:
    options = ("--target", "cortex-m4", "--layer-callback", "--name", "net")
    done("compile", lowered, "-o", tmp_path / "m4", *options)
    assert "int32_t net_run_traced(" in (tmp_path / "m4" / "net.h").read_text()


def test_source_in_place_of_an_object(tmp_path: Path, lowered: Path) -> None:
    output = tmp_path / "c"
    facts = json.loads(
        done("compile", lowered, "-o", output, "--emit", "c", "--name", "net", "--json")
    )
    written = files(output)
    assert written.keys() == {"main.c", "net.c", "net.h", "net.json"} == set(facts["files"])
    assert f"NET_ARENA_SIZE {facts['arena_bytes']}\n".encode() in written["net.h"]
    assert b"int32_t net_run(" in written["net.c"]
    assert json.loads(written["net.json"])["machine"]["triple"] == "c99"
    finished = intaglio(
        "compile", lowered, "-o", tmp_path / "b", "--emit", "c", "--threads", "2", "--ram", "1M"
    )
    assert finished.code == 2
    assert "--emit c: doesn't go with --threads, --ram" in finished.err
