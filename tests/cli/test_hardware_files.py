# SPDX-License-Identifier: Apache-2.0
"""Hardware files that contradict themselves, or a network: the field, the layer, what would do."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Finished, done, files, intaglio

HEAD = 'schema = 1\nbase = "single-rounding"\nname = "npu"\ntitle = "a small machine"\n'
REGISTERS = """
[every.scheme]
kind = "stages"
multiplier_bits = 16
rounding = "half-even"
zero_point = "after-shift"
"""


def lowered(folder: Path, model: Path, text: str) -> Finished:
    """``lower`` under a hardware file; a refusal leaves nothing behind."""
    hardware = folder / "npu.toml"
    hardware.write_text(text)
    (folder / "out.intaglio").unlink(missing_ok=True)
    finished = intaglio("lower", model, "-o", folder / "out.intaglio", "--profile", hardware)
    assert ("out.intaglio" in files(folder)) == (finished.code == 0)
    return finished


def test_a_hardware_file_of_nine_lines_serves(tmp_path: Path, quantized: Path) -> None:
    assert lowered(tmp_path, quantized, HEAD + REGISTERS).code == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            HEAD + REGISTERS.replace('zero_point = "after-shift"', ""),
            "contraction[0].rescale.scheme: found no zero_point, expected zero_point = "
            "'before-multiplier' or 'before-shift' or 'after-shift'.",
        ),
        (
            HEAD + REGISTERS.replace("16", "63"),
            "contraction[0].rescale.scheme.multiplier_bits: found 63, which is not within 1..62, "
            "expected 62.",
        ),
        (
            HEAD + REGISTERS + "minimum_shift = 9\nmaximum_shift = 8\n",
            "contraction[0].rescale.scheme.minimum_shift: found 9, which is not within 0..8, "
            "expected 8.",
        ),
        (
            HEAD + REGISTERS + "second_shift = 1\n",
            "contraction[0].rescale.scheme.second_shift: found 1, which is not within 0..0, "
            "expected 0.",
        ),
        (
            HEAD + REGISTERS.replace("after-", "before-") + 'clamp = "before-zero-point"\n',
            "contraction[0].rescale.scheme.clamp: found before-zero-point, which has no zero point "
            "behind it where zero_point is before-shift, expected after-zero-point, or zero_point "
            "= after-shift.",
        ),
        (
            HEAD + REGISTERS + 'product_overflow = "saturate-each-add"\n',
            "contraction[0].rescale.scheme.product_overflow: found saturate-each-add, which is for "
            "sums, expected use saturate.",
        ),
        (
            HEAD
            + '[every.contraction]\naccumulator_bits = 16\npartial_sums = {length=4, type="i20"}',
            "contraction[0].partial_sums.type: found i20, which is wider than the accumulator of "
            "16 bits, which has to take every partial sum, expected i16 or less, or widen "
            "accumulator_bits.",
        ),
        (
            HEAD + "[every.contraction]\naccumulator_width = 16\n",
            "contraction[0].accumulator_width: found an unknown key, expected accumulator_bits "
            "perhaps.",
        ),
        (
            HEAD + "[datapath]\nweights = ['int8']\n",
            "datapath.weights[0]: found int8, expected an integer type such as i8 or u4, 1 to 64 "
            "bits.",
        ),
    ],
)
def test_a_file_that_contradicts_itself(
    tmp_path: Path, quantized: Path, text: str, sentence: str
) -> None:
    finished = lowered(tmp_path, quantized, text)
    assert finished.code == 2
    assert finished.err == f"intaglio: profile {tmp_path / 'npu.toml'}, {sentence}\n"
    explained = intaglio("hardware", "explain", tmp_path / "npu.toml")
    assert (explained.code, explained.err) == (2, finished.err)


@pytest.mark.parametrize(
    ("field", "value", "place", "extreme"),
    [
        ("maximum_shift", 20, "contraction[0].rescale.scheme.maximum_shift", max),
        ("minimum_shift", 22, "contraction[0].rescale.scheme.minimum_shift", min),
        ("product_bits", 24, "contraction[0].rescale.scheme.product_bits", max),
        ("result_bits", 8, "contraction[0].rescale.scheme.result_bits", max),
    ],
)
def test_registers_that_a_network_doesn_t_fit_name_every_layer_and_what_would_do(
    tmp_path: Path,
    quantized: Path,
    field: str,
    value: int,
    place: str,
    extreme: Callable[[list[int]], int],
) -> None:
    text = HEAD + REGISTERS + 'product_overflow = "trap"\n'
    finished = lowered(tmp_path, quantized, f"{text}{field} = {value}\n")
    assert finished.code == 2
    lines = finished.err.splitlines()
    assert lines[-1].startswith("Change the model, or lower it under another profile than npu")
    assert all(f".scheme.{field} is {value}, which " in line for line in lines[1:-1])
    assert sum(f": {place} is" in line for line in lines) >= 3
    assert len({line.split(" (")[0] for line in lines[1:-1]}) == len(lines) - 2
    # The nearest value that serves every layer does serve.
    needed = [int(found) for found in re.findall(r"expected (\d+)", finished.err)]
    most = extreme(needed)
    assert lowered(tmp_path, quantized, f"{text}{field} = {most}\n").code == 0
    step = 1 if extreme is min else -1
    assert lowered(tmp_path, quantized, f"{text}{field} = {most + step}\n").code == 2


@pytest.mark.parametrize(
    ("table", "text", "needle"),
    [
        (
            "every.contraction",
            "product_bits = 12",
            r"\(Conv2d\): its products lie within \[-?\d+, \d+\], and "
            r"contraction\[0\]\.product_bits is 12; expected 1[67], or narrower codes",
        ),
        (
            "every.contraction",
            "bias_bits = 4",
            r"\(Conv2d\): its bias needs \d+ bits, and "
            r"contraction\[0\]\.bias_bits is 4; expected \d+",
        ),
        (
            "every.mean",
            "accumulator_bits = 8",
            r"\(ReduceMean\): sums within \[-?\d+, \d+\], and mean\[0\]\.accumulator_bits is 8; "
            r"expected \d+, an overflow rule",
        ),
        (
            "datapath",
            'activations = ["i8"]\nweights = ["i4"]',
            r"\(Conv2d\): its weights are i8, and datapath\.weights is i4; expected i4",
        ),
    ],
)
def test_widths_that_a_network_doesn_t_fit(
    tmp_path: Path, quantized: Path, table: str, text: str, needle: str
) -> None:
    finished = lowered(tmp_path, quantized, f"{HEAD}[{table}]\n{text}\n")
    assert finished.code == 2
    found = re.findall(needle, finished.err)
    assert len(found) >= (1 if table == "every.mean" else 3), finished.err


def test_explain_prints_what_a_network_needs(tmp_path: Path, quantized: Path) -> None:
    hardware = tmp_path / "npu.toml"
    hardware.write_text(HEAD + REGISTERS + "[every.contraction]\naccumulator_bits = 20\n")
    facts = json.loads(done("hardware", "explain", hardware, quantized, "--json"))
    sums = [layer for layer in facts["layers"] if layer["accumulator"]]
    assert {layer["op"] for layer in sums} >= {"conv2d", "mat_mul", "reduce_sum"}
    convolutions = [layer for layer in sums if layer["op"] == "conv2d"]
    assert {layer["accumulator"]["declared_bits"] for layer in convolutions} == {20}
    multipliers = [layer["ranges"]["m"] for layer in facts["layers"] if layer["product_bits"]]
    assert all(1 << 15 <= low <= high < 1 << 16 for low, high in multipliers)
    assert "softmax[0]" in facts["unused_rules"]
    printed = done("hardware", "explain", hardware, quantized)
    assert "a = wrap[i20](b + sum(p))" in printed
    assert "without effect on this network: " in printed
    for layer in facts["layers"]:
        assert layer["name"] in printed


def test_explain_prints_every_rule_and_defines_what_it_calls() -> None:
    facts = json.loads(done("hardware", "explain", "tflm", "--json"))
    printed = done("hardware", "explain", "tflm")
    for rule in facts["rules"]:
        assert f"{rule['place']}: " in printed
    assert "  doubling_high(a, b) = min((a * b + 2**30) >> 31, 2**31 - 1)" in printed
    assert facts["definitions"]
    assert all(len(line) <= 100 for line in printed.splitlines() if line.startswith("    rescale"))


def test_neither_a_file_nor_a_profile() -> None:
    finished = intaglio("hardware", "explain", "tflmm")
    assert finished.code == 2
    assert finished.err == (
        "intaglio: tflmm: is neither a profile's name nor a file; did you mean tflm.\n"
    )
