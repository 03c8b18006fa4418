# SPDX-License-Identifier: Apache-2.0
"""Decode a stream of images in worker processes: order kept, look-ahead and memory bounded."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from numpy.typing import NDArray

from intaglio.commands.data.image_decoding import Decoder, Refusal, SourceImage
from intaglio.commands.worker_processes import interrupts_held, start_processes
from intaglio.errors import InvalidOption

# A chunk is what one message to a worker holds: enough to hide its cost, and bounded.
CHUNK_IMAGES = 8
CHUNK_BYTES = 1 << 22

MAX_WORKERS = 256

_Decoded = list[NDArray[Any] | Refusal]


def decode_in_order(
    images: Iterable[SourceImage], decoder: Decoder, workers: int
) -> Generator[NDArray[Any] | Refusal, None, None]:
    """Yield each image decoded, in the order given, whatever the number of workers.

    With 0 workers this process decodes.  At most two chunks a worker are under way; closing the
    generator, or an interrupt, ends the workers.

    Raises:
        InvalidOption: if a worker process dies.
    """
    if workers == 0:
        yield from map(decoder.decode, images)
        return
    pool = start_processes(workers)
    try:
        pending: deque[Future[_Decoded]] = deque()
        for chunk in _chunks(images):
            with interrupts_held():
                pending.append(pool.submit(_decode_chunk, decoder, chunk))
            if len(pending) >= 2 * workers:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    except BrokenProcessPool as error:
        raise InvalidOption(
            "--workers",
            workers,
            "a worker process ended while decoding images",
            "use --workers 0 to decode in the main process and see the cause",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def require_worker_count(workers: int) -> None:
    """Refuse a number of workers that makes no sense.

    Raises:
        InvalidOption: if ``workers`` is negative or above ``MAX_WORKERS``.
    """
    if not 0 <= workers <= MAX_WORKERS:
        raise InvalidOption(
            "--workers", workers, "no such number of processes", f"use 0 to {MAX_WORKERS}"
        )


def _chunks(images: Iterable[SourceImage]) -> Iterator[list[SourceImage]]:
    chunk: list[SourceImage] = []
    size = 0
    for image in images:
        chunk.append(image)
        size += image.size
        if len(chunk) == CHUNK_IMAGES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _decode_chunk(decoder: Decoder, images: list[SourceImage]) -> _Decoded:
    return [decoder.decode(image) for image in images]
