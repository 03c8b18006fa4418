# SPDX-License-Identifier: Apache-2.0
"""Arrays that are a model's inputs already, streamed in rows."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.data.npz import NpzArray, RowReader
from intaglio.commands.data.samples import Batch, InputSpec, require_positive_batch, shape_text
from intaglio.errors import InvalidData


@dataclass(frozen=True, slots=True)
class BoundArray:
    """An array and the model's input that it feeds."""

    spec: InputSpec
    array: NpzArray

    def require_fit(self) -> None:
        """Refuse an array that can't feed its input.

        Raises:
            InvalidData: if the samples' shape differs, or the type can't become the input's
                (float64 may round to float32, integers must fit, floats never become integers).
        """
        self.array.require_readable()
        found, spec = self.array.shape, self.spec
        if not spec.accepts(found[1:]):
            raise InvalidData(
                self.array.source,
                f"shape {shape_text(found)}",
                f"the shape of input {spec.name!r}, {shape_text(spec.shape)}",
                "store the arrays as the model takes them, or give a preprocessing for images",
            )
        dtype = self.array.dtype
        if not (np.can_cast(dtype, spec.dtype) or (dtype.kind, spec.dtype.kind) == ("f", "f")):
            raise InvalidData(
                self.array.source,
                f"type {dtype}",
                f"the type of input {spec.name!r}, {spec.dtype}",
                f"save the array as {spec.dtype}",
            )

    def take(self, rows: RowReader, count: int, first: int) -> NDArray[Any]:
        """Return the next ``count`` samples in the input's type.

        Raises:
            InvalidData: if a value isn't finite.
        """
        stored = rows.take(count)
        with np.errstate(over="ignore"):
            values = stored.astype(self.spec.dtype, copy=False)
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                place = np.argwhere(~finite)[0]
                raise InvalidData(
                    self.array.source,
                    f"{stored[tuple(place)]} in sample {first + int(place[0])}",
                    f"finite values of {self.spec.dtype}",
                    "correct the sample or leave it out",
                )
        return values


@dataclass(frozen=True, slots=True)
class ArrayDataset:
    """The ``selected`` rows of one array for each input; ``labels`` covers just those rows."""

    arrays: tuple[BoundArray, ...]
    selected: range
    labels: NDArray[np.int64] | None

    def __len__(self) -> int:
        """How many samples the data set yields."""
        return len(self.selected)

    def batches(self, batch_size: int, workers: int = 0) -> Iterator[Batch]:
        """Yield all samples in order, ``batch_size`` at a time, the last batch what remains.

        Each call starts from the front.  There is nothing to decode, so ``workers`` start nothing.

        Raises:
            InvalidOption: for a batch size that makes no sense.
            InvalidData: when a value is reached that isn't finite.
            InvalidFile: when the file turns out damaged.
        """
        require_positive_batch(batch_size)
        return self._stream(batch_size)

    def _stream(self, batch_size: int) -> Iterator[Batch]:
        with ExitStack() as stack:
            readers = [
                (bound, stack.enter_context(bound.array.rows(self.selected.start)))
                for bound in self.arrays
            ]
            for first in range(0, len(self), batch_size):
                count = min(batch_size, len(self) - first)
                inputs = {
                    bound.spec.name: bound.take(rows, count, self.selected.start + first)
                    for bound, rows in readers
                }
                labels = None if self.labels is None else self.labels[first : first + count]
                yield Batch(inputs, labels)
