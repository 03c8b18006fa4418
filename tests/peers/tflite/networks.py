# SPDX-License-Identifier: Apache-2.0
"""Whole .tflite networks in a runtime and here, and the table of docs/tflite-networks.md.

`python -m tests.peers.tflite.networks` prints the table.
"""

import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from intaglio.commands.compare import (
    PeerComparison,
    compare_with_peer,
    open_subject,
    random_samples,
)
from intaglio.commands.compare.subject import Subject, Tensors
from intaglio.commands.peers.catalog import Peer
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import IntaglioError
from intaglio.numerics.profile import load_profile

Array = npt.NDArray[Any]
Samples = Callable[[Path, TensorType], Iterator[Array]]
"""Codes for a network's only input, from the folder of real data."""

PEERS = (Peer.LITERT_REF, Peer.LITERT_REF_1_2, Peer.LITERT_OPT, Peer.LITERT, Peer.TFLM)
SAMPLES = 20
"""Half of them real where there are real ones."""


def spoken_words(folder: Path, type: TensorType) -> Iterator[Array]:
    """Spectra of keywords, stored as codes."""
    with np.load(folder / "mlperf_tiny" / "kws01_eval.npz") as data:
        yield from data["mfcc"].reshape(-1, *type.shape)


def small_photographs(folder: Path, type: TensorType) -> Iterator[Array]:
    """32 by 32 pixels."""
    with np.load(folder / "cifar10" / "test_5000_jpeg.npz") as data:
        jpeg, offset = data["jpeg"].tobytes(), data["offset"]
    for start, end in pairwise(offset):
        yield _pixels(jpeg[start:end], type)


def photographs(folder: Path, type: TensorType) -> Iterator[Array]:
    """Squeezed into the network's plane."""
    with zipfile.ZipFile(folder / "imagenet" / "images.zip") as archive:
        for name in sorted(archive.namelist()):
            yield _pixels(archive.read(name), type)


def digits(folder: Path, type: TensorType) -> Iterator[Array]:
    """Handwritten ones, row by row."""
    with np.load(folder / "mnist" / "test_5000.npz") as data:
        for image in data["image"]:
            yield _codes(image, type)


def _pixels(content: bytes, type: TensorType) -> Array:
    _, rows, columns, channels = type.shape
    with Image.open(io.BytesIO(content)) as image:
        sized = image.convert("L" if channels == 1 else "RGB").resize((columns, rows))
        return _codes(np.asarray(sized), type)


def _codes(brightness: Array, type: TensorType) -> Array:
    """0 to 255 as the codes from the lowest on."""
    codes = brightness.astype(np.int64) + type.integer.minimum
    return codes.reshape(type.shape).astype(type.integer.dtype)


@dataclass(frozen=True, slots=True)
class Network:
    """A file below the folder of real data, and its real samples, if there are any.

    Attributes:
        file: without its ending.
        real: its samples.
        refused: by peer, words of a refusal and why that is.
    """

    file: str
    real: Samples | None = None
    refused: Mapping[Peer, tuple[str, str]] = field(default_factory=dict[Peer, tuple[str, str]])

    @property
    def name(self) -> str:
        """The file's name without folder and ending."""
        return Path(self.file).name


_AXIS = (
    "quantized_dimension must be in range",
    "refuses the file: scales of a bias along axis 3",
)
_UINT8 = ("Hybrid models are not supported on TFLite Micro", "has no kernels for uint8")
_WIDE_SOFTMAX = (
    "found none for softmax on i8 operands with i16 results",
    "crashes on it; its SOFTMAX of int8 to int16 we refuse",
)
_CRASH = ("it was ended by SIG", "crashes on it")
_SCRAMBLED: Mapping[Peer, tuple[str, str]] = {
    Peer.LITERT_REF: _CRASH,
    Peer.LITERT_REF_1_2: _CRASH,
    Peer.LITERT_OPT: _WIDE_SOFTMAX,
    Peer.LITERT: _WIDE_SOFTMAX,
}
_FLOAT = ("it is a float model", "a float model, which we refuse")

NETWORKS = (
    Network("mlperf_tiny/ad01_int8"),
    Network("mlperf_tiny/ic01_resnet8_int8", small_photographs),
    Network("mlperf_tiny/kws01_int8", spoken_words),
    Network("mlperf_tiny/sww01_int8"),
    Network("mlperf_tiny/vww01_int8", photographs),
    Network("tflite/coral_mobilenet_v1_0.25_128_quant", photographs, {Peer.TFLM: _UINT8}),
    Network("tflite/coral_mobilenet_v1_0.5_160_quant", photographs, {Peer.TFLM: _UINT8}),
    Network("tflite/coral_tf2_mobilenet_v2_1.0_224_ptq", photographs),
    Network("tflite/tflm_keyword_scrambled_8bit", refused=_SCRAMBLED),
    Network("tflite/tflm_micro_speech_quantized"),
    Network(
        "tflite/tflm_person_detect",
        photographs,
        dict.fromkeys(PEERS[:-1], _AXIS),
    ),
    Network("tflite/tflm_trained_lstm_int8", digits),
    Network("tflite/tflm_trained_lstm", refused=dict.fromkeys(PEERS, _FLOAT)),
)


def compared(folder: Path, network: Network, peer: Peer) -> PeerComparison:
    """Every sample in both.

    Raises:
        IntaglioError: we refuse the network, or the peer does.
    """
    subject = open_subject(folder / f"{network.file}.tflite", peer)
    profile = load_profile(peer.about.profile)
    samples = _samples(folder, network, subject)
    return compare_with_peer(
        subject, peer, profile, samples, lambda label: nullcontext(lambda done, total: None)
    )


def _samples(folder: Path, network: Network, subject: Subject) -> Iterator[Tensors]:
    count = 0
    if network.real is not None:
        count = SAMPLES // 2
        (given,) = subject.inputs
        for array in islice(network.real(folder, given.type), count):
            yield {given.source: array}
    yield from random_samples(subject, SAMPLES - count, seed=0)


def cell(found: PeerComparison) -> str:
    """What the table says of a comparison."""
    differing = sum(each.differing for each in found.divergences)
    return f"{differing} of {found.values:,} in {found.tensors} tensors"


def stated(document: Path) -> dict[tuple[str, str], str]:
    """The cells of the table in a document, by network and peer."""
    rows = [
        [part.strip() for part in line.strip("|").split("|")]
        for line in document.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    return {
        (row[0], peer): text
        for row in rows[2:]
        for peer, text in zip(rows[0][1:], row[1:], strict=True)
    }


def _measured(folder: Path, network: Network, peer: Peer) -> str:
    try:
        return cell(compared(folder, network, peer))
    except IntaglioError as error:
        words, reason = network.refused.get(peer, ("", ""))
        return reason if words and words in str(error) else f"REFUSED: {error}"


if __name__ == "__main__":
    print(f"| network | {' | '.join(peer.value for peer in PEERS)} |")
    print("|---|" + "---|" * len(PEERS))
    for each in NETWORKS:
        cells = (_measured(Path(os.environ["INTAGLIO_DATA"]), each, peer) for peer in PEERS)
        print(f"| {each.name} | {' | '.join(cells)} |", flush=True)
