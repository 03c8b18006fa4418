# SPDX-License-Identifier: Apache-2.0
"""How much of the codes weights use, and how wide channels are."""

import numpy as np
import pytest

from intaglio.commands.diagnose.quantized_network import StoredOperand
from intaglio.commands.diagnose.weights import weight_ranges, weight_use
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.parameters import Encoding, QuantizationParameters
from tests.commands.diagnose.networks import CHAIN, chain_constants, spoiled_constants
from tests.compiler.real.building import parse, random


def operand(
    codes: list[list[int]], encoding: Encoding, zero_points: tuple[int, ...] = (0,)
) -> StoredOperand:
    scales, axis = (0.5,) * len(zero_points), 0 if len(zero_points) > 1 else None
    parameters = QuantizationParameters(encoding, scales, zero_points, axis)
    return StoredOperand(1, np.array(codes), parameters, 0)


def test_a_wide_channel_leaves_few_codes_to_the_others() -> None:
    use = weight_use(operand([[127, -3], [1, -2], [4, 0], [0, 0]], Encoding(8, signed=True)))
    assert use.channels_median == pytest.approx((2 / 127 + 4 / 127) / 2)
    assert (use.channels_least, use.empty, use.channels) == (0.0, 1, 4)


def test_the_lowest_signed_code_is_no_more_than_all() -> None:
    assert weight_use(operand([[-128, 0]], Encoding(8, signed=True))).channels_median == 1.0
    assert weight_use(operand([[-7, 3]], Encoding(4, signed=True))).channels_median == 1.0


def test_unsigned_codes_count_from_their_zero_point() -> None:
    codes = [[0, 100], [255, 200]]
    use = weight_use(operand(codes, Encoding(8, signed=False), (100, 200)))
    assert use.channels_least == pytest.approx(55 / 200)
    assert use.channels_median == pytest.approx((100 / 155 + 55 / 200) / 2)


def test_ranges_of_every_layer_before_and_after() -> None:
    before, after = (
        normalize(parse(CHAIN, **constants))
        for constants in (chain_constants(), spoiled_constants())
    )
    first, second, third = weight_ranges(before, after)
    assert (first.changed, second.changed, third.changed) == (False, True, False)
    weights = chain_constants()["W2"]
    assert second.before.tolist() == np.abs(weights).max(axis=(1, 2, 3)).tolist()
    assert second.after is not None
    assert second.after[3] == pytest.approx(1000 * second.before[3])
    assert second.after[2] == second.before[2]


def test_matrix_products_have_their_channels_where_onnx_puts_them() -> None:
    text = """(float[N, 3] x) => (float[N, 2] y) {
        a = Gemm (x, W, b)
        y = MatMul (a, V)
    }"""
    constants = {"W": random(0, 3, 5), "b": random(1, 5), "V": random(2, 5, 2)}
    model = normalize(parse(text, **constants))
    gemm, product = weight_ranges(model, model)
    assert gemm.before.tolist() == np.abs(constants["W"]).max(axis=0).tolist()
    assert product.before.tolist() == np.abs(constants["V"]).max(axis=0).tolist()
