# SPDX-License-Identifier: Apache-2.0
"""Whole .tflite networks against their home runtimes: every tensor they show, every bit.

The table has a cell for each network and runtime.  A cell that isn't compared states who refuses
the network and in which words, and the refusal is tested.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from intaglio.commands.compare import (
    PeerComparison,
    compare_with_peer,
    open_subject,
    random_samples,
)
from intaglio.commands.compare.subject import Subject, Tensors
from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.environments import demand
from intaglio.errors import IntaglioError, MissingPeer
from intaglio.numerics.profile import load_profile

pytestmark = [pytest.mark.peer, pytest.mark.real, pytest.mark.slow]

Array = npt.NDArray[Any]
PEERS = (Peer.LITERT_REF, Peer.LITERT, Peer.TFLM)


def spoken_words(folder: Path) -> Iterator[Array]:
    """Spectra of keywords, as codes."""
    with np.load(folder / "mlperf_tiny" / "kws01_eval.npz") as data:
        yield from data["mfcc"].reshape(-1, 1, 49, 10, 1)


def small_photographs(folder: Path) -> Iterator[Array]:
    """32 by 32 pixels, 0 to 255, as codes of a network that reads 0 to 255."""
    with np.load(folder / "cifar10" / "test_5000_jpeg.npz") as data:
        jpeg, offset = data["jpeg"].tobytes(), data["offset"]
    for start, end in pairwise(offset):
        with Image.open(io.BytesIO(jpeg[start:end])) as image:
            pixels = np.asarray(image.convert("RGB")).astype(np.int16)
        yield (pixels[None] - 128).astype(np.int8)


@dataclass(frozen=True, slots=True)
class Network:
    """A file, how many samples it is compared on, and real ones where there are any.

    Attributes:
        file: below the folder of real data.
        samples: half of them real where there are real ones.
        real: arrays for its only input.
        refused: for some peers, what is said of the network.
    """

    file: str
    samples: int = 20
    real: Callable[[Path], Iterator[Array]] | None = None
    refused: Mapping[Peer, str] | None = None


_AXIS = "quantized_dimension must be in range"
_UINT8 = {Peer.TFLM: "Hybrid models are not supported on TFLite Micro"}

# The two largest take two seconds a sample.
NETWORKS = (
    Network("mlperf_tiny/ad01_int8"),
    Network("mlperf_tiny/ic01_resnet8_int8", real=small_photographs),
    Network("mlperf_tiny/kws01_int8", real=spoken_words),
    Network("mlperf_tiny/sww01_int8"),
    Network("mlperf_tiny/vww01_int8"),
    Network("tflite/coral_mobilenet_v1_0.25_128_quant", refused=_UINT8),
    Network("tflite/coral_mobilenet_v1_0.5_160_quant", samples=8, refused=_UINT8),
    Network("tflite/coral_tf2_mobilenet_v2_1.0_224_ptq", samples=4),
    Network("tflite/tflm_micro_speech_quantized"),
    Network("tflite/tflm_person_detect", refused={Peer.LITERT_REF: _AXIS, Peer.LITERT: _AXIS}),
    Network("tflite/tflm_trained_lstm", refused=dict.fromkeys(PEERS, "it is a float model")),
)
CELLS = [
    pytest.param(network, peer, id=f"{Path(network.file).name}-{peer.value}")
    for network in NETWORKS
    for peer in PEERS
]


@pytest.mark.parametrize(("network", "peer"), CELLS)
def test_every_bit(real_data: Path, network: Network, peer: Peer) -> None:
    try:
        demand(peer)
    except MissingPeer as error:
        pytest.skip(str(error))
    words = (network.refused or {}).get(peer)
    if words is not None:
        with pytest.raises(IntaglioError) as caught:
            compared(real_data, network, peer)
        assert words in str(caught.value)
        return
    found = compared(real_data, network, peer)
    assert (
        f"{found.program}, {found.kernels}, x86-64" in load_profile(found.profile).checked_against
    )
    assert found.divergences == ()
    assert found.samples == network.samples


def compared(real_data: Path, network: Network, peer: Peer) -> PeerComparison:
    subject = open_subject(real_data / f"{network.file}.tflite", peer, None, None)
    profile = load_profile(peer.about.profile)
    samples = samples_of(real_data, network, subject)
    return compare_with_peer(
        subject, peer, profile, samples, lambda label: nullcontext(lambda done, total: None)
    )


def samples_of(real_data: Path, network: Network, subject: Subject) -> Iterator[Tensors]:
    count = 0
    if network.real is not None:
        count = network.samples // 2
        (given,) = subject.inputs
        for array in islice(network.real(real_data), count):
            yield {given.source: array}
    yield from random_samples(subject, network.samples - count, seed=0)
