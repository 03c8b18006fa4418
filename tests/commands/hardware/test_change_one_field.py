# SPDX-License-Identifier: Apache-2.0
"""Change one field of a hardware file: explanation, simulator and C source change together."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from intaglio.commands.hardware.explain import explain_profile, explanation_lines
from intaglio.commands.hardware.fields import stated_fields
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.pipeline import lower
from intaglio.compiler.targets.c_source.artifact import write_source
from intaglio.numerics.profile import Profile, parse_profile
from tests.simulator.engines import assert_engines_agree

BASE: Mapping[str, str] = {
    "accumulator_bits": "15",
    "overflow": '"saturate-each-add"',
    "order": '"bias-first"',
    "bias_bits": "16",
    "float_bias": '"round"',
    "product_bits": "17",
    "truncation.dropped_bits": "2",
    "truncation.rounding": '"floor"',
    "partial_sums.length": "9",
    "partial_sums.type": '"i13"',
    "partial_sums.overflow": '"saturate-each-add"',
    "partial_sums.reduction": '"tree"',
    "rescale.product": '"exact"',
    "rescale.scheme.kind": '"stages"',
    "rescale.scheme.multiplier_bits": "12",
    "rescale.scheme.rounding": '"half-even"',
    "rescale.scheme.zero_point": '"after-shift"',
    "rescale.scheme.signed_multiplier": "false",
    "rescale.scheme.normalised": "true",
    "rescale.scheme.minimum_shift": "2",
    "rescale.scheme.maximum_shift": "40",
    "rescale.scheme.pre_shift": "2",
    "rescale.scheme.pre_shift_rounding": '"floor"',
    "rescale.scheme.product_bits": "24",
    "rescale.scheme.product_overflow": '"wrap"',
    "rescale.scheme.second_shift": "2",
    "rescale.scheme.second_rounding": '"half-away-from-zero"',
    "rescale.scheme.result_bits": "9",
    "rescale.scheme.input_bits": "15",
    "rescale.scheme.clamp": '"after-zero-point"',
    "rescale.scheme.store": '"saturate"',
}
CHANGES: Mapping[str, str] = {
    "accumulator_bits": "13",
    "overflow": '"wrap"',
    "order": '"bias-last"',
    "bias_bits": "17",
    "float_bias": '"exact"',
    "product_bits": "18",
    "truncation.dropped_bits": "3",
    "truncation.rounding": '"half-even"',
    "partial_sums.length": "12",
    "partial_sums.type": '"i12"',
    "partial_sums.overflow": '"wrap"',
    "partial_sums.reduction": '"chain"',
    "rescale.product": '"float32"',
    "rescale.scheme.multiplier_bits": "11",
    "rescale.scheme.rounding": '"floor"',
    "rescale.scheme.zero_point": '"before-multiplier"',
    "rescale.scheme.signed_multiplier": "true",
    "rescale.scheme.normalised": "false",
    "rescale.scheme.minimum_shift": "3",
    "rescale.scheme.maximum_shift": "41",
    "rescale.scheme.pre_shift": "3",
    "rescale.scheme.pre_shift_rounding": '"half-even"',
    "rescale.scheme.product_bits": "22",
    "rescale.scheme.product_overflow": '"saturate"',
    "rescale.scheme.second_shift": "1",
    "rescale.scheme.second_rounding": '"ceil"',
    "rescale.scheme.result_bits": "10",
    "rescale.scheme.input_bits": "13",
    "rescale.scheme.clamp": '"before-zero-point"',
    "rescale.scheme.store": '"wrap"',
}
NO_CODE = {
    "bias_bits",
    "float_bias",
    "product_bits",
    "rescale.product",
    "rescale.scheme.normalised",
    "rescale.scheme.minimum_shift",
    "rescale.scheme.maximum_shift",
}
"""Demands that the network meets either way: nothing that is computed depends on them."""
SAME_CODES = NO_CODE | {"rescale.scheme.result_bits"}
"""A wider register behind the shift has code of its own; what it saturates is clamped anyway."""
CHANNELS, PIXELS, PLANE = 4, 8, 5


def hardware(fields: Mapping[str, str]) -> Profile:
    lines = [f"every.contraction.{name} = {value}" for name, value in fields.items()]
    head = 'schema = 1\nbase = "single-rounding"\nname = "npu"\ntitle = "-"\n'
    return parse_profile(head + "\n".join(lines), "npu.toml")


def network() -> Graph:
    random = np.random.default_rng(3)
    weights = random.integers(-127, 128, (CHANNELS, 3, 3, PIXELS))
    biases = random.integers(-30000, 30000, CHANNELS)
    scales = ", ".join(f"f32({each})" for each in ("0.0078125", "0.005", "0.003", "0.011"))
    products = ", ".join(f"f32({0.25 * each})" for each in (0.0078125, 0.005, 0.003, 0.011))
    return parse_graph(
        "graph net scaled\n"
        f"%x: i8[1,{PLANE},{PLANE},{PIXELS}]{{scale=f32(0.25), zero_point=-5}} = input\n"
        f"%w: i8[{CHANNELS},3,3,{PIXELS}]{{axis=0, scale=[{scales}]}} = "
        f"constant {weights.ravel().tolist()}\n"
        f"%b: i32[{CHANNELS}]{{axis=0, scale=[{products}]}} = constant {biases.tolist()}\n"
        f"%y: i8[1,{PLANE - 2},{PLANE - 2},{CHANNELS}]{{scale=f32(0.5), zero_point=3}} = "
        "conv2d(%x, %w, %b)\nreturn %y\n"
    )


def outcome(profile: Profile, folder: Path) -> tuple[str, str, Array]:
    """The explanation, the C source, and the codes, on which the engines agree."""
    graph = lower(network(), profile)
    codes = np.random.default_rng(4).integers(-128, 128, (1, PLANE, PLANE, PIXELS)).astype(np.int8)
    computed = assert_engines_agree(graph, {graph.inputs[0].name: codes})[graph.outputs[0]]
    write_source(graph, "net", folder)
    source = "".join(each.read_text() for each in sorted(folder.glob("*.c")))
    return "\n".join(explanation_lines(explain_profile(profile))), source, computed


def test_every_field_stands_in_this_test() -> None:
    stated = {*stated_fields(hardware(BASE).contraction[0])}
    assert stated == {*BASE, "lanes"}
    assert {*CHANGES} == {*BASE} - {"rescale.scheme.kind"}


def test_changing_one_field_changes_everything_together(tmp_path: Path) -> None:
    text, source, codes = outcome(hardware(BASE), tmp_path / "base")
    for field, value in CHANGES.items():
        profile = hardware({**BASE, field: value})
        changed_text, changed_source, changed_codes = outcome(profile, tmp_path / field)
        assert changed_text != text, field
        assert (changed_source == source) == (field in NO_CODE), field
        assert np.array_equal(changed_codes, codes) == (field in SAME_CODES), field
