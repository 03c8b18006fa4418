# SPDX-License-Identifier: Apache-2.0
"""Images, decoded and preprocessed as they stream by."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.data.decoding_pool import decode_in_order, require_worker_count
from intaglio.commands.data.image_decoding import Decoder, Refusal
from intaglio.commands.data.image_sources import ImageSource
from intaglio.commands.data.preprocessing_rules import Layout, Preprocessing, normalise
from intaglio.commands.data.samples import Batch, InputSpec, require_positive_batch
from intaglio.errors import InvalidData


@dataclass(frozen=True, slots=True)
class ImageDataset:
    """The ``selected`` images of a source, for one input of a model.

    ``labels`` covers the selected images, in their order.
    """

    source: ImageSource
    selected: range
    labels: NDArray[np.int64] | None
    spec: InputSpec
    preprocessing: Preprocessing
    layout: Layout

    def __len__(self) -> int:
        """How many images the data set yields."""
        return len(self.selected)

    def batches(self, batch_size: int, workers: int = 0) -> Iterator[Batch]:
        """Yield all images in order, ``batch_size`` at a time, the last batch what remains.

        Each call starts from the front.  ``workers`` processes decode (0: this one does); their
        number changes no value.

        Raises:
            InvalidOption: for a batch size or number of workers that makes no sense.
            InvalidData: when an image is reached that can't be decoded or doesn't fit.
            InvalidFile: when the source turns out damaged.
        """
        require_positive_batch(batch_size)
        require_worker_count(workers)
        return self._stream(batch_size, workers)

    def _stream(self, batch_size: int, workers: int) -> Iterator[Batch]:
        first = 0
        pixels: list[NDArray[Any]] = []
        images = self.source.read(self.selected)
        with closing(decode_in_order(images, self._decoder(), workers)) as decoded:
            for image in decoded:
                if isinstance(image, Refusal):
                    where = f"{self.source.path}, {image.name!r}"
                    raise InvalidData(where, image.found, image.expected, image.advice)
                self._require_same_shape(image, pixels)
                pixels.append(image)
                if len(pixels) == batch_size:
                    yield self._batch(first, pixels)
                    first += batch_size
                    pixels = []
        if pixels:
            yield self._batch(first, pixels)

    def _decoder(self) -> Decoder:
        _, *sizes = self.spec.shape
        height, width = sizes[1:] if self.layout is Layout.NCHW else sizes[:2]
        return Decoder(self.preprocessing.geometry, height, width)

    def _require_same_shape(self, image: NDArray[Any], before: list[NDArray[Any]]) -> None:
        if before and before[0].shape != image.shape:
            raise InvalidData(
                str(self.source.path),
                f"images of {before[0].shape[:2]} and of {image.shape[:2]} pixels in one batch",
                "one size",
                "add [resize] and [crop] to the preprocessing file",
            )

    def _batch(self, first: int, pixels: list[NDArray[Any]]) -> Batch:
        values = normalise(
            str(self.source.path),
            np.stack(pixels),
            self.preprocessing,
            self.layout,
            self.preprocessing.dtype or self.spec.dtype,
        )
        labels = None if self.labels is None else self.labels[first : first + len(pixels)]
        return Batch({self.spec.name: values}, labels)
