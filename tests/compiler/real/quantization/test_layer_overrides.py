# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.quantization.layer_overrides import LayerOverride, read_overrides
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import Operand
from intaglio.errors import InvalidOption
from tests.compiler.real.building import random
from tests.compiler.real.quantizing import error, quantize

CHAIN = """(float[N,4,6,6] x) => (y) {
    [first] a = Conv<pads=[1,1,1,1]>(x, w)
    b = Relu(a)
    p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(b)
    [last] y = Conv(p, v) }"""
BRANCHES = """(float[N,4,6,6] x) => (y) {
    [left] a = Conv(x, w)
    [right] b = Conv(x, w)
    c = Concat<axis=1>(a, b)
    [last] y = Conv(c, v) }"""
CHAIN_CONSTANTS = {"w": random(1, 4, 4, 3, 3), "v": random(2, 3, 4, 1, 1)}
BRANCH_CONSTANTS = {"w": random(1, 4, 4, 3, 3), "v": random(2, 3, 8, 1, 1)}


def options(**layers: LayerOverride) -> QuantizationOptions:
    return QuantizationOptions(overrides=layers)


def test_a_layer_has_weights_of_its_own_width() -> None:
    chosen = options(first=LayerOverride(weight_bits=4), y=LayerOverride(per_channel=False))
    result = quantize(CHAIN, chosen, **CHAIN_CONSTANTS)
    first, last = (result.plan.constants[Operand(name, 1)] for name in ("a", "y"))
    assert (first.encoding.bits, len(first.scales)) == (4, 4)
    assert (last.encoding.bits, len(last.scales)) == (8, 1)
    plain = quantize(CHAIN, **CHAIN_CONSTANTS)
    assert error(plain) < error(result) < 0.2


def test_a_result_has_its_width_up_to_where_codes_stay_the_same() -> None:
    chosen = options(first=LayerOverride(activation_bits=5))
    plan = quantize(CHAIN, chosen, **CHAIN_CONSTANTS).plan
    bits = {name: each.encoding.bits for name, each in plan.activations.items()}
    assert bits == {"x": 8, "b": 5, "p": 5, "y": 8}


def test_what_is_joined_has_the_largest_width() -> None:
    chosen = options(left=LayerOverride(activation_bits=4))
    plan = quantize(BRANCHES, chosen, **BRANCH_CONSTANTS).plan
    assert {plan.activations[name].encoding.bits for name in ("a", "b", "c")} == {8}
    (note,) = plan.notes
    assert (note.where, note.figures["bits"]) == ("left", 8)
    both = options(left=LayerOverride(activation_bits=4), right=LayerOverride(activation_bits=6))
    plan = quantize(BRANCHES, both, **BRANCH_CONSTANTS).plan
    assert {plan.activations[name].encoding.bits for name in ("a", "b", "c")} == {6}


def test_a_weight_of_two_widths_is_stored_twice() -> None:
    chosen = options(left=LayerOverride(weight_bits=3))
    result = quantize(BRANCHES, chosen, **BRANCH_CONSTANTS)
    left, right = (result.plan.constants[Operand(name, 1)] for name in ("a", "b"))
    assert (left.encoding.bits, right.encoding.bits) == (3, 8)
    assert not np.allclose(left.scales, right.scales)


def test_an_unknown_layer_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidOption, match=r"frist: .* did you mean first\."):
        quantize(CHAIN, options(frist=LayerOverride(weight_bits=4)), **CHAIN_CONSTANTS)


@pytest.mark.parametrize("name", ["first", "c", "norm", "n"])
def test_a_layer_keeps_the_names_from_before_its_normalization_was_folded(name: str) -> None:
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    result = quantize(
        """(float[N,4,6,6] x) => (y) {
            [first] c = Conv(x, w)
            [norm] n = BatchNormalization(c, g, b, m, s)
            y = Relu(n) }""",
        options(**{name: LayerOverride(weight_bits=4)}),
        w=CHAIN_CONSTANTS["w"], g=ones, b=zeros, m=zeros, s=ones,
    )  # fmt: skip
    assert result.plan.constants[Operand("n", 1)].encoding.bits == 4


@pytest.mark.parametrize("name", ["product", "m", "sum", "s"])
def test_a_matrix_product_keeps_the_names_from_before_its_bias_was_folded(name: str) -> None:
    result = quantize(
        "(float[N,4] x) => (y) { [product] m = MatMul(x, w) [sum] s = Add(m, k) y = Relu(s) }",
        options(**{name: LayerOverride(weight_bits=4)}),
        w=random(1, 4, 3), k=random(2, 3),
    )  # fmt: skip
    assert result.plan.constants[Operand("s", 1)].encoding.bits == 4


def test_tables_of_a_recipe_file_are_read() -> None:
    tables = {"conv1": {"weight_bits": 4}, "fc": {"per_channel": False, "activation_bits": 16}}
    assert read_overrides(tables) == {
        "conv1": LayerOverride(weight_bits=4),
        "fc": LayerOverride(per_channel=False, activation_bits=16),
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"weight_bit": 4}, 'layers."a" weight_bit: there is no such key; choose any of weight_b'),
        ({"weight_bits": "4"}, "give a whole number"),
        ({"weight_bits": True}, "give a whole number"),
        ({"per_channel": 1}, "give true or false"),
        ({"weight_bits": 17}, "choose 2 to 16"),
        (4, "it is no table"),
    ],
)
def test_wrong_tables_are_refused(table: object, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        read_overrides({"a": table})
