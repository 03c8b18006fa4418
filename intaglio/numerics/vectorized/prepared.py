# SPDX-License-Identifier: Apache-2.0
"""Groups of channels run over an array, block by block."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Scaling
from intaglio.numerics.vectorized.finish import ClampAndStore, Finish, Store
from intaglio.numerics.vectorized.groups import channels_by_family, kernels_of
from intaglio.numerics.vectorized.kernel import (
    INT64_MAX,
    Bounds,
    Kernel,
    Workspace,
    block_rows,
    magnitude_of,
)


class _Group:
    """Channels of one family: kernels, what follows them, and the definition for what they miss."""

    def __init__(
        self,
        channels: Sequence[int],
        kernels: Sequence[Kernel],
        finish: Finish,
        definitions: Sequence[Callable[[int], int]],
    ) -> None:
        self.channels = channels
        self._kernels = [kernel for kernel in kernels if kernel.limit >= 0]
        self._finish = finish
        self._definitions = definitions
        self._block = block_rows(len(channels)) * len(channels)

    def serves(self, magnitude: int) -> bool:
        """Whether some kernel is exact for all ``|x| <= magnitude``."""
        return any(kernel.limit >= magnitude for kernel in self._kernels)

    def run(self, x: IntegerArray, out: IntegerArray, magnitude: int) -> None:
        """Fill the flat ``out`` from the flat ``x``; ``|x| <= magnitude``."""
        able = [kernel for kernel in self._kernels if kernel.limit >= magnitude]
        if able:
            return self._run_kernel(able[0], x, out, magnitude)
        if not self._kernels:
            return self._run_definition(np.arange(x.size), x, out)
        kernel = max(self._kernels, key=lambda kernel: kernel.limit)
        outside = (x > kernel.limit) | (x < -kernel.limit)
        inside = np.where(outside, 0, x).astype(np.int64)
        self._run_kernel(kernel, inside, out, kernel.limit)
        return self._run_definition(np.flatnonzero(outside), x, out)

    def _run_kernel(
        self, kernel: Kernel, x: IntegerArray, out: IntegerArray, magnitude: int
    ) -> None:
        work = Workspace(min(self._block, x.size))
        bounds = Bounds(magnitude, self._finish.result)
        for start in range(0, x.size, self._block):
            block = slice(start, start + self._block)
            self._finish.write(kernel.scale(x[block], work, bounds), out[block], work)

    def _run_definition(
        self, positions: NDArray[np.intp], x: IntegerArray, out: IntegerArray
    ) -> None:
        count = len(self._definitions)
        held = np.iinfo(out.dtype)
        places: list[int] = positions.tolist()
        values: list[int] = x[positions].tolist()
        for position, value in zip(places, values, strict=True):
            result = self._definitions[position % count](value)
            if not held.min <= result <= held.max:
                raise InvalidData(
                    "requantization", str(result), f"a result that fits {out.dtype}", "clamp it"
                )
            out[position] = result


class PreparedRequantizers:
    """Requantizers with their parameters laid out for whole arrays: one, or one a channel."""

    def __init__(self, requantizers: Sequence[Requantizer]) -> None:
        """Lay the parameters out."""
        self._requantizers = tuple(requantizers)
        if not self._requantizers:
            raise InvalidOption("requantizers", "()", "are empty", "give one, or one a channel")
        self._output = Interval.hull_of(each.output for each in self._requantizers)
        self._groups: list[_Group] = []
        scalings = [requantizer.scaling for requantizer in self._requantizers]
        for channels in channels_by_family(scalings):
            members = [self._requantizers[channel] for channel in channels]
            finish = ClampAndStore(members)
            kernels = kernels_of([member.scaling for member in members]) if finish.fits else []
            definitions = [member.apply for member in members]
            self._groups.append(_Group(channels, kernels, finish, definitions))

    def apply(
        self, x: IntegerArray, out_type: IntType | None = None, interval: Interval | None = None
    ) -> IntegerArray:
        """Requantize an integer array of any shape, channel last where there are several.

        The result has the shape of ``x`` and the type ``out_type.dtype``, int64 for ``None``.
        ``interval`` promises where all of ``x`` lies, and spares looking at a 64-bit array.

        Raises:
            InvalidOption: ``out_type`` doesn't contain every output code.
            InvalidData: the last axis isn't one a requantizer, or ``x`` doesn't hold integers.
        """
        if out_type is not None and not out_type.interval.contains(self._output):
            raise InvalidOption(
                "output type", out_type, f"can't hold the codes {self._output}", "widen it"
            )
        dtype = np.dtype(np.int64) if out_type is None else out_type.dtype
        return _run(self._groups, len(self._requantizers), x, dtype, interval)


def prepare(requantizers: Sequence[Requantizer]) -> PreparedRequantizers:
    """Lay the parameters of one requantizer, or of one a channel, out for many arrays."""
    return PreparedRequantizers(requantizers)


def apply_requantizers(
    requantizers: Sequence[Requantizer],
    x: IntegerArray,
    out_type: IntType | None = None,
    interval: Interval | None = None,
) -> IntegerArray:
    """``PreparedRequantizers.apply``; what was prepared last is remembered."""
    return _prepared(tuple(requantizers)).apply(x, out_type, interval)


def apply_scalings(
    scalings: Sequence[Scaling], x: IntegerArray, interval: Interval | None = None
) -> NDArray[np.int64]:
    """Scale an integer array of any shape, channel last where there are several scalings.

    Raises:
        InvalidData: the last axis isn't one a scaling, ``x`` doesn't hold integers, or a result
            needs more than 64 bits.
    """
    groups = _prepared_scalings(tuple(scalings))
    return _run(groups, len(scalings), x, np.dtype(np.int64), interval)


@lru_cache(maxsize=32)
def _prepared(requantizers: tuple[Requantizer, ...]) -> PreparedRequantizers:
    return PreparedRequantizers(requantizers)


@lru_cache(maxsize=32)
def _prepared_scalings(scalings: tuple[Scaling, ...]) -> list[_Group]:
    groups: list[_Group] = []
    for channels in channels_by_family(scalings):
        members = [scalings[channel] for channel in channels]
        definitions = [member.apply for member in members]
        groups.append(_Group(channels, kernels_of(members), Store(), definitions))
    return groups


def _run(
    groups: Sequence[_Group],
    channels: int,
    x: IntegerArray,
    dtype: np.dtype[np.generic],
    interval: Interval | None,
) -> IntegerArray:
    _require_channels(channels, x)
    values, magnitude = _as_words(x, interval)
    if not all(group.serves(magnitude) for group in groups):
        magnitude = min(magnitude, magnitude_of(values))
        if values.dtype == object and magnitude <= INT64_MAX:
            values = values.astype(np.int64)
    out = np.empty(x.shape, dtype=dtype)
    if len(groups) == 1:
        groups[0].run(values.reshape(-1), out.reshape(-1), magnitude)
        return out
    rows, out_rows = values.reshape(-1, channels), out.reshape(-1, channels)
    for group in groups:
        part = np.empty((len(rows), len(group.channels)), dtype=dtype)
        columns = np.ascontiguousarray(rows[:, group.channels])
        group.run(columns.reshape(-1), part.reshape(-1), magnitude)
        out_rows[:, group.channels] = part
    return out


def _as_words(x: IntegerArray, interval: Interval | None) -> tuple[IntegerArray, int]:
    """The values, as a machine type where they fit int64, and a bound of their magnitude."""
    if interval is not None:
        magnitude = interval.magnitude
    elif x.dtype.itemsize < 8:
        magnitude = int(np.iinfo(x.dtype).max) + 1
    else:
        magnitude = magnitude_of(x)
    if x.dtype == np.uint64 or x.dtype == object:
        x = x.astype(np.int64 if magnitude <= INT64_MAX else object)
    return x, magnitude


def _require_channels(count: int, x: IntegerArray) -> None:
    if x.dtype != object and not np.issubdtype(x.dtype, np.integer):
        raise InvalidData(
            "requantization", f"an array of {x.dtype}", "an array of integers", "quantize it first"
        )
    if count == 1 or (count > 1 and x.ndim > 0 and x.shape[-1] == count):
        return
    raise InvalidData(
        "requantization",
        f"{count} requantizers for an array of shape {x.shape}",
        "one requantizer, or one for each entry of the last axis",
        "give one for each channel",
    )
