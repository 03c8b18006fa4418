# SPDX-License-Identifier: Apache-2.0
"""Whose constants a quantized network holds."""

import pytest

from intaglio.commands.diagnose.comparability import foreign_layers
from intaglio.commands.diagnose.quantized_network import read_quantized
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.quantization.options import QuantizationOptions
from tests.commands.diagnose.networks import CHAIN, case, chain_constants, spoiled_constants
from tests.compiler.real.building import parse


@pytest.mark.parametrize(
    "options",
    [
        QuantizationOptions(),
        QuantizationOptions(per_channel=False, weight_bits=3),
        QuantizationOptions(symmetric_weights=False, narrow_weights=False),
    ],
)
def test_rounded_constants_are_recognised(options: QuantizationOptions) -> None:
    small = case(spoiled_constants(), options)
    network = read_quantized(small.subject.quantized)
    assert list(foreign_layers(small.subject.original, network)) == []


def test_equalized_layers_are_foreign() -> None:
    network = read_quantized(case(chain_constants()).subject.quantized)
    original = normalize(parse(CHAIN, **spoiled_constants()))
    found = list(foreign_layers(original, network))
    assert [layer.output for layer, _ in found] == ["c", "y"]
    assert "W2" in found[0][1]


def test_a_moved_bias_is_foreign() -> None:
    constants = chain_constants()
    constants["b1"] = constants["b1"] + 0.25
    network = read_quantized(case(constants).subject.quantized)
    original = normalize(parse(CHAIN, **chain_constants()))
    ((layer, reason),) = foreign_layers(original, network)
    assert layer.output == "a"
    assert "b1" in reason


def test_a_layer_that_is_not_there_is_foreign() -> None:
    network = read_quantized(case(chain_constants()).subject.quantized)
    shorter = CHAIN.replace("y = Conv (d, W3, b3)", "y = Relu (d)").replace(
        "5, 6, 6] y", "8, 6, 6] y"
    )
    constants = {k: v for k, v in chain_constants().items() if k not in ("W3", "b3")}
    original = normalize(parse(shorter, **constants))
    ((layer, reason),) = foreign_layers(original, network)
    assert (layer.output, "no Conv" in reason) == ("y", True)
