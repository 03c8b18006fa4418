# SPDX-License-Identifier: Apache-2.0
"""Scales, zero points and codes that tell one rounding from another.

Powers of two put ties everywhere; ratios that are small fractions put real ties where a float
rounds to either side; coarse results (a multiplier near one) show how the multiplier was formed;
random scales do the rest.
"""

from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

from tests.peers.tflite.activations import NONE, RELU6, Activation
from tests.peers.tflite.single_op import Array, Tensor

KINDS = ("powers", "fractions", "coarse", "random")
_ODD = (1, 3, 5, 7, 9, 11)
_EVEN = (6, 10, 12, 14, 20, 22)
_PAIRS = 65536 + 13
"""No multiple of a vector's lanes, so that kernels reach their scalar tails."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A source of random parameters of one kind, for codes of one dtype."""

    rng: np.random.Generator
    kind: str
    dtype: Any

    @property
    def repeats(self) -> int:
        """How many operands take every code of a table; those of 16 bits take long."""
        return 6 if np.dtype(self.dtype).itemsize == 1 else 1

    @property
    def coarse(self) -> bool:
        """Whether a product's unit is about that of the result."""
        return self.kind == "coarse"

    def scale(self) -> float:
        """Of an operand: between 2**-6 and 1/7."""
        match self.kind:
            case "powers":
                return float(2.0 ** self.rng.integers(-6, -2))
            case "fractions" | "coarse":
                return _float32(0.013 * float(self.rng.choice(_ODD)))
            case _:
                return _float32(2.0 ** self.rng.uniform(-6, -2.8))

    def weight_scales(self, count: int) -> tuple[float, ...]:
        """Within a factor of about ten of each other."""
        match self.kind:
            case "powers":
                return tuple(float(s) for s in 2.0 ** self.rng.integers(-9, -5, count))
            case "fractions" | "coarse":
                return tuple(float(s) / 512 for s in self.rng.choice(_ODD, count))
            case _:
                return tuple(_float32(s) for s in 2.0 ** self.rng.uniform(-9, -5, count))

    def result_scale(self, wanted: float) -> float:
        """Within a factor of two of ``wanted``; even against the odd factors of the fractions."""
        match self.kind:
            case "powers":
                return 2.0 ** round(log2(wanted))
            case "fractions" | "coarse":
                factor = 0.013 * float(self.rng.choice(_EVEN))
                return _float32(factor * 2.0 ** round(log2(wanted / factor)))
            case _:
                return _float32(wanted * 2.0 ** self.rng.uniform(-0.5, 0.5))

    def zero_point(self) -> int:
        """Odd, where the parity of ties decides; 16-bit codes have none."""
        if self.dtype is np.int16:
            return 0
        info = np.iinfo(self.dtype)
        middle = (info.min + info.max + 1) // 2
        return middle + 2 * int(self.rng.integers(-24, 24)) + 1

    def codes(self, *shape: int) -> Array:
        """Over the whole range."""
        info = np.iinfo(self.dtype)
        return self.rng.integers(info.min, info.max + 1, shape).astype(self.dtype)

    def weights(self, shape: tuple[int, ...]) -> Array:
        """Of int8: over the whole range, or small ones."""
        largest = 2 if self.coarse else 127
        return self.rng.integers(-largest, largest + 1, shape).astype(np.int8)

    def activation(self, codes: Array, clip: Activation = NONE) -> Tensor:
        """An operand with parameters of its own; ``clip`` is of a result that shares them."""
        scale = self._scale_of_ties() if self._ties(clip) else self.scale()
        return Tensor(codes, (scale,), (self.zero_point(),))

    def factor(self, codes: Array) -> Tensor:
        """The second operand of a product, whose scale has few digits as weights have."""
        return Tensor(codes, self.weight_scales(1), (self.zero_point(),))

    def result(self, shape: tuple[int, ...], wanted: float, clip: Activation = NONE) -> Tensor:
        """A result whose scale is about ``wanted``, or puts the bound 6 at half a code."""
        scale = self._scale_of_ties() if self._ties(clip) else self.result_scale(wanted)
        return Tensor(np.zeros(shape, self.dtype), (scale,), (self.zero_point(),))

    def _ties(self, clip: Activation) -> bool:
        return clip is RELU6 and self.kind == "fractions"

    def _scale_of_ties(self) -> float:
        """S with fl32(6 / s) = 2j + 1/2, which half to even and half away round apart."""
        halves = [
            scale
            for scale in (np.float32(12 / (4 * j + 1)) for j in range(10, 40))
            if np.float32(6) / scale % np.float32(2) == np.float32(0.5)
        ]
        return float(self.rng.choice(np.array(halves)))

    def every_code(self) -> Array:
        """Each code once, or 65,536 of them."""
        info = np.iinfo(self.dtype)
        return np.arange(info.min, info.max + 1).astype(self.dtype).reshape(1, -1)

    def every_pair(self) -> tuple[Array, Array]:
        """Each pair of 8-bit codes once, some twice; of wider codes as many random ones."""
        if np.dtype(self.dtype).itemsize > 1:
            return self.codes(1, _PAIRS), self.codes(1, _PAIRS)
        codes = self.every_code()
        left, right = (np.resize(array, (1, _PAIRS)) for array in np.meshgrid(codes, codes))
        return left, right


def _float32(value: float) -> float:
    return float(np.float32(value))
