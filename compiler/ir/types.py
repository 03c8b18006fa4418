# SPDX-License-Identifier: Apache-2.0
"""What a value of the IR is: an element type, a shape and, at the scaled level, a quantization."""

from dataclasses import dataclass, replace
from math import prod

from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType


@dataclass(frozen=True, slots=True)
class FloatType:
    """IEEE-754 binary32; legal only at the border of a graph and in its named short tail."""

    def __str__(self) -> str:
        """The name in the text form."""
        return "f32"


FLOAT32 = FloatType()

ElementType = IntType | FloatType


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (code - zero_point), per tensor or along one axis.

    Attributes:
        scales: one scale, or one for each index of ``axis``; exactly the source's float32.
        zero_points: one zero point, or one for each index of ``axis``.
        axis: the channel axis counted from the front, None for one scale for the whole tensor.
    """

    scales: tuple[Float32, ...]
    zero_points: tuple[int, ...] = (0,)
    axis: int | None = None

    @property
    def scale(self) -> Float32:
        """The one scale of a per-tensor quantization."""
        (scale,) = self.scales
        return scale

    @property
    def zero_point(self) -> int:
        """The one zero point of a per-tensor quantization."""
        (zero_point,) = self.zero_points
        return zero_point

    @property
    def per_tensor(self) -> bool:
        """Whether one scale and one zero point serve the whole tensor."""
        return len(self.scales) == 1 and len(self.zero_points) == 1

    def channel(self, index: int) -> tuple[Float32, int]:
        """Scale and zero point of one channel."""
        scale = self.scales[index if len(self.scales) > 1 else 0]
        zero_point = self.zero_points[index if len(self.zero_points) > 1 else 0]
        return scale, zero_point


PLAIN = Quantization((Float32.from_value(1.0),))
"""Of a plain integer, such as an index: each code is its own real number."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type and static shape; ``quantization`` is present on scaled integers alone."""

    element: ElementType
    shape: tuple[int, ...]
    quantization: Quantization | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def integer(self) -> IntType:
        """The element type of a tensor that is known to hold integers."""
        if not isinstance(self.element, IntType):
            raise TypeError(f"expected an integer tensor, found {self.element}")
        return self.element

    @property
    def scaled(self) -> Quantization:
        """The quantization of a tensor that is known to be scaled."""
        if self.quantization is None:
            raise TypeError("expected a quantized tensor, found one without a scale")
        return self.quantization

    def with_shape(self, shape: tuple[int, ...]) -> "TensorType":
        """The same elements in another shape."""
        return replace(self, shape=shape)
