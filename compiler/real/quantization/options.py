# SPDX-License-Identifier: Apache-2.0
"""What a user can choose about the codes of a quantized network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from intaglio.compiler.real.parameters import Encoding
from intaglio.compiler.real.quantization.layer_overrides import (
    MAXIMUM_BITS,
    MINIMUM_BITS,
    LayerOverride,
    require_width,
)
from intaglio.compiler.real.quantization.weight_scales import WEIGHT_RANGES, WeightRange
from intaglio.errors import InvalidOption

MINIMUM_BIAS_BITS, MAXIMUM_BIAS_BITS = 8, 32


@dataclass(frozen=True, slots=True)
class QuantizationOptions:
    """The codes of weights and activations.

    Attributes:
        weight_bits: width of weights, 2 to 16.
        activation_bits: width of activations, 2 to 16.
        per_channel: a weight scale for each output channel instead of one for the tensor.
        symmetric_weights: weights around zero point 0 (int); else affine (uint).
        weight_range: "minmax" covers all weights; "mse" loses least of them, by squared error.
        narrow_weights: leave out the lowest weight code, so that |code| <= 2**(bits-1) - 1.
        symmetric_activations: the middle code stands for zero instead of fitting the range.
        signed_activations: int instead of uint. ONNX Runtime fuses uint8 on every CPU.
        power_of_two_scales: every scale is a power of two, so that shifts alone rescale; biases
            follow, being scaled by the product of two of them.
        unify_scales: operands and result of Add and Sub share one scale and zero point, for
            machines that can't rescale there. (Those of Concat always do.)
        bias_bits: the widest bias code, 8 to 32. Where a bias needs more, the scale of the
            weights is raised; codes are stored as int32 in any case.
        overrides: what single layers have otherwise, by the name of the node or its first output.
    """

    weight_bits: int = 8
    activation_bits: int = 8
    per_channel: bool = True
    symmetric_weights: bool = True
    weight_range: WeightRange = "minmax"
    narrow_weights: bool = True
    symmetric_activations: bool = False
    signed_activations: bool = False
    power_of_two_scales: bool = False
    unify_scales: bool = False
    bias_bits: int = 32
    overrides: Mapping[str, LayerOverride] = field(
        default_factory=dict[str, LayerOverride], hash=False
    )

    def __post_init__(self) -> None:
        """Refuse widths that have no meaning here."""
        require_width("weight bits", self.weight_bits)
        require_width("activation bits", self.activation_bits)
        if not MINIMUM_BIAS_BITS <= self.bias_bits <= MAXIMUM_BIAS_BITS:
            raise InvalidOption(
                "bias bits",
                self.bias_bits,
                "there is no such width",
                f"choose {MINIMUM_BIAS_BITS} to {MAXIMUM_BIAS_BITS}",
            )
        if self.weight_range not in WEIGHT_RANGES:
            raise InvalidOption(
                "weight range",
                self.weight_range,
                "there is no such rule",
                f"choose {' or '.join(WEIGHT_RANGES)}",
            )

    @property
    def weights(self) -> Encoding:
        """How weights are coded."""
        symmetric = self.symmetric_weights
        return Encoding(
            self.weight_bits,
            signed=symmetric,
            symmetric=symmetric,
            narrow=symmetric and self.narrow_weights,
            power_of_two=self.power_of_two_scales,
        )

    @property
    def activations(self) -> Encoding:
        """How activations are coded."""
        return Encoding(
            self.activation_bits,
            self.signed_activations,
            self.symmetric_activations,
            power_of_two=self.power_of_two_scales,
        )


def parse_bits(text: str) -> tuple[int, int]:
    """Weight and activation widths from ``w<bits>a<bits>``.

    >>> parse_bits("w4a8")
    (4, 8)

    Raises:
        InvalidOption: the text has another form, or a width is out of range.
    """
    match = re.fullmatch(r"w(\d{1,2})a(\d{1,2})", text.strip().lower())
    widths = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(MINIMUM_BITS <= bits <= MAXIMUM_BITS for bits in widths):
        raise InvalidOption(
            "--bits",
            text,
            "it doesn't state the widths of weights and activations",
            f"write w8a8, w4a8 and so on, with widths {MINIMUM_BITS} to {MAXIMUM_BITS}",
        )
    return widths
