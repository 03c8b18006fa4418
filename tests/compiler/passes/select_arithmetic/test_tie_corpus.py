# SPDX-License-Identifier: Apache-2.0
"""The tie corpus tells apart every two profiles that differ, table by table."""

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array
from intaglio.numerics.profile import load_profile, profile_names
from intaglio.simulator import vectorized
from tests.compiler.passes.select_arithmetic.alike import lowered_alike
from tests.compiler.passes.select_arithmetic.tie_corpus import Case, corpus, uneven

Codes = Mapping[str, tuple[str, Array]]
"""By case: its table, and what a profile makes of it."""


def _codes(names: Iterable[str], cases: Iterable[Case]) -> dict[str, Codes]:
    """By profile; those that lower a case to one graph share its codes."""
    found: dict[str, dict[str, tuple[str, Array]]] = {name: {} for name in names}
    for case in cases:
        for group in lowered_alike(case.graph, found):
            if group.lowered is None:
                continue
            outputs = vectorized.run(group.lowered, case.feeds, None)
            for name in group.names:
                found[name][case.label] = (case.table, outputs[group.lowered.outputs[0]])
    return dict(found)


def _differing(one: Codes, other: Codes) -> dict[str, int]:
    """By table, how many codes differ; tables with no case in common are absent."""
    counts: dict[str, int] = {}
    for label in one.keys() & other.keys():
        table = one[label][0]
        counts.setdefault(table, 0)
        counts[table] += int(np.count_nonzero(one[label][1] != other[label][1]))
    return counts


LAST_BIT = "their multipliers differ in the last of 31 bits"
POWERS = "one takes powers of two alone, and rounds them alike"
JOINED = "of uint8 operands that are joined alone does one differ from the other"
WIDE_SOFTMAX = "of 16 bits alone does one differ from the other"
TWICE = "two roundings added up before one shift differ from two shifts on few values"
CAST = "a cast that rounds and saturates alike is a shift"
TILES = "both multiply by a float32, and partial sums of 8-bit codes fit their registers"
SAME_SOFTMAX = "their softmax of 8 bits differs on a few values in 100,000, whatever the scale"
SLOPES = "negative slopes of LEAKY_RELU alone, or 16-bit tables at some powers of two, differ"
ALIKE: dict[tuple[str, str], dict[str, str]] = {
    ("ap-fixed", "gemmini"): {"contraction": POWERS, "rescale": POWERS},
    ("ap-fixed", "onnx-spec"): {"contraction": POWERS},
    ("ap-fixed", "ort-arm64"): {"contraction": POWERS},
    ("ap-fixed", "ort-x86-vnni"): {"contraction": POWERS},
    ("ap-fixed", "pow2-half-even"): {"contraction": CAST, "rescale": CAST},
    ("ap-fixed", "qonnx"): {"contraction": POWERS},
    ("ap-fixed", "torch-pt2e"): {"contraction": POWERS},
    ("deeploy", "pow2-half-up"): {"contraction": POWERS, "pair": POWERS, "rescale": POWERS},
    ("finn", "pow2-half-up"): {"contraction": POWERS, "rescale": POWERS},
    ("finn", "single-rounding"): {"contraction": LAST_BIT, "pair": LAST_BIT, "rescale": LAST_BIT},
    ("finn", "tosa-single"): {"contraction": LAST_BIT, "rescale": LAST_BIT},
    ("nemo", "vta"): {"contraction": POWERS, "rescale": POWERS},
    ("cmsis-nn", "ethos-u"): {"pair": LAST_BIT},
    ("dory", "vta"): {"contraction": POWERS, "pair": POWERS, "rescale": POWERS},
    ("ethos-u", "litert-ref-1.2"): {
        "mean": LAST_BIT,
        "pair": LAST_BIT,
        "rescale": JOINED,
        "softmax": WIDE_SOFTMAX,
    },
    ("ethos-u", "litert-ref-1.3"): {
        "mean": LAST_BIT,
        "pair": LAST_BIT,
        "rescale": JOINED,
        "softmax": WIDE_SOFTMAX,
    },
    ("ethos-u", "onnx-spec"): {"softmax": SAME_SOFTMAX},
    ("ethos-u", "ort-arm64"): {"softmax": SAME_SOFTMAX},
    ("ethos-u", "ort-x86-vnni"): {"softmax": SAME_SOFTMAX},
    ("ethos-u", "qonnx"): {"softmax": SAME_SOFTMAX},
    ("ethos-u", "tflm"): {"pair": LAST_BIT},
    ("ethos-u", "torch-pt2e"): {"softmax": SAME_SOFTMAX},
    ("ethos-u", "tosa-double"): {"rescale": TWICE},
    ("gemmini", "ort-arm64"): {"contraction": TILES},
    ("gemmini", "ort-x86-vnni"): {"contraction": TILES},
    ("gemmini", "pow2-half-even"): {"contraction": POWERS, "rescale": POWERS},
    ("cmsis-nn", "litert-opt-x86"): {"unary": SLOPES},
    ("cmsis-nn", "litert-ref-1.2"): {
        "mean": LAST_BIT,
        "pair": LAST_BIT,
        "rescale": JOINED,
        "softmax": WIDE_SOFTMAX,
        "unary": LAST_BIT,
    },
    ("cmsis-nn", "litert-ref-1.3"): {
        "mean": LAST_BIT,
        "pair": LAST_BIT,
        "rescale": JOINED,
        "softmax": WIDE_SOFTMAX,
        "unary": LAST_BIT,
    },
    ("cmsis-nn", "onnx-spec"): {"softmax": SAME_SOFTMAX},
    ("cmsis-nn", "ort-arm64"): {"softmax": SAME_SOFTMAX},
    ("cmsis-nn", "ort-x86-vnni"): {"softmax": SAME_SOFTMAX},
    ("cmsis-nn", "qonnx"): {"softmax": SAME_SOFTMAX},
    ("cmsis-nn", "torch-pt2e"): {"softmax": SAME_SOFTMAX},
    ("cmsis-nn", "tosa-double"): {"contraction": TWICE, "rescale": TWICE},
    ("litert-ref-1.2", "ort-arm64"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.2", "tosa-double"): {"rescale": TWICE},
    ("litert-ref-1.3", "ort-arm64"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.3", "tosa-double"): {"rescale": TWICE},
    ("onnx-spec", "ort-arm64"): {"softmax": SAME_SOFTMAX},
    ("onnx-spec", "pow2-half-even"): {"contraction": POWERS},
    ("ort-arm64", "pow2-half-even"): {"contraction": POWERS},
    ("ort-arm64", "qonnx"): {"softmax": SAME_SOFTMAX},
    ("ort-arm64", "tflm"): {"softmax": SAME_SOFTMAX},
    ("ort-arm64", "torch-pt2e"): {"softmax": SAME_SOFTMAX},
    ("ort-x86-vnni", "pow2-half-even"): {"contraction": POWERS},
    ("pow2-half-even", "qonnx"): {"contraction": POWERS, "pair": POWERS},
    ("pow2-half-even", "torch-pt2e"): {"contraction": POWERS},
    ("tflm", "tosa-double"): {"contraction": TWICE, "rescale": TWICE},
    ("litert-opt-x86", "litert-ref-1.2"): {"unary": SLOPES},
    ("litert-opt-x86", "litert-ref-1.3"): {"unary": SLOPES},
    ("litert-opt-x86", "tflm"): {"unary": SLOPES},
    ("litert-ref-1.2", "litert-ref-1.3"): {"unary": SLOPES},
    ("litert-ref-1.2", "onnx-spec"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.2", "ort-x86-vnni"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.2", "qonnx"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.2", "tflm"): {
        "mean": LAST_BIT,
        "rescale": JOINED,
        "softmax": WIDE_SOFTMAX,
        "unary": LAST_BIT,
    },
    ("litert-ref-1.2", "torch-pt2e"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.3", "onnx-spec"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.3", "ort-x86-vnni"): {"softmax": SAME_SOFTMAX},
    ("litert-ref-1.3", "tflm"): {
        "mean": LAST_BIT,
        "rescale": JOINED,
        "softmax": WIDE_SOFTMAX,
        "unary": LAST_BIT,
    },
    ("litert-ref-1.3", "torch-pt2e"): {"softmax": SAME_SOFTMAX},
    ("onnx-spec", "ort-x86-vnni"): {"softmax": SAME_SOFTMAX},
    ("onnx-spec", "tflm"): {"softmax": SAME_SOFTMAX},
    ("ort-x86-vnni", "tflm"): {"softmax": SAME_SOFTMAX},
    ("ort-x86-vnni", "torch-pt2e"): {"softmax": SAME_SOFTMAX},
    ("pow2-half-up", "single-rounding"): {"contraction": POWERS, "rescale": POWERS},
    ("pow2-half-up", "tosa-single"): {"contraction": POWERS, "rescale": POWERS},
    ("single-rounding", "tosa-single"): {"rescale": LAST_BIT},
    ("litert-ref-1.3", "qonnx"): {"softmax": SAME_SOFTMAX},
    ("ort-x86-vnni", "qonnx"): {"softmax": SAME_SOFTMAX},
    ("qonnx", "tflm"): {"softmax": SAME_SOFTMAX},
    ("tflm", "torch-pt2e"): {"softmax": SAME_SOFTMAX},
}
"""Tables in which two profiles have other rules and the corpus finds no other code; may shrink."""

EIGHT_BITS = [f"{op} {type}" for op in ("conv2d", "fully_connected") for type in ("i8", "u8")]
PAIRS = list(combinations(profile_names(), 2))


@pytest.fixture(scope="module")
def by_profile() -> dict[str, tuple[Codes, Codes]]:
    """With powers of two as scales, and with uneven ones."""
    ties, others = (_codes(profile_names(), cases) for cases in (corpus(), corpus(uneven)))
    return {name: (ties[name], others[name]) for name in profile_names()}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_tables_that_differ_give_other_codes(
    by_profile: dict[str, tuple[Codes, Codes]], one: str, other: str
) -> None:
    counts = dict.fromkeys((table for table, _ in by_profile[one][0].values()), 0)
    for at in (0, 1):
        for table, count in _differing(by_profile[one][at], by_profile[other][at]).items():
            counts[table] += count
    first, second = load_profile(one), load_profile(other)
    differ = {table for table in counts if getattr(first, table) != getattr(second, table)}
    alike = {table for table in differ if counts[table] == 0}
    assert alike == set(ALIKE.get((one, other), {}))
    assert differ - alike, f"nothing tells {one} from {other}"


def test_ties_tell_roundings_apart_a_hundred_times_as_often() -> None:
    rng = np.random.default_rng(1)

    def drawn(power: float) -> float:
        return float(np.float32(power * 2.0 ** rng.uniform(-0.5, 0.5)))

    # Rounding twice shows itself with any scale; these three round once.
    names = ["single-rounding", "litert-xnnpack-x86", "onnx-spec"]
    sums: list[int] = []
    for cases in (list(corpus()), list(corpus(drawn))):
        eight_bits = [case for case in cases if case.label in EIGHT_BITS]
        codes = _codes(names, eight_bits).values()
        sums.append(sum(sum(_differing(*pair).values()) for pair in combinations(codes, 2)))
    ties, random = sums
    assert ties >= 100 * max(random, 1)
