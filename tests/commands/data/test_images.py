# SPDX-License-Identifier: Apache-2.0
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from intaglio.commands.data import InputSpec, decoding_pool, image_sources, open_dataset
from intaglio.commands.data.decoding_pool import CHUNK_IMAGES, decode_in_order
from intaglio.commands.data.image_decoding import Decoder, EncodedImage
from intaglio.commands.data.preprocessing_rules import Geometry
from intaglio.errors import InvalidData, InvalidFile, InvalidOption
from tests.commands.data.images import (
    encode,
    float_input,
    random_pixels,
    write_folder,
    write_zip,
)

Writer = Callable[[Path, dict[str, bytes]], Path]


def images(count: int) -> dict[str, bytes]:
    return {f"{index:03}.png": encode(random_pixels(index)) for index in range(count)}


def only_batch(path: Path, spec: InputSpec, **options: Any) -> NDArray[Any]:
    (batch,) = open_dataset(path, inputs=[spec], **options).batches(1000)
    return batch.inputs[spec.name]


@pytest.mark.parametrize(("write", "name"), [(write_folder, "images"), (write_zip, "images.zip")])
def test_labels_choose_the_images_and_their_order(tmp_path: Path, write: Writer, name: str) -> None:
    path = write(tmp_path / name, {"a.png": encode(random_pixels(0)), **images(3)})
    labels = tmp_path / "labels.tsv"
    labels.write_text("file\tclass\n002.png\t7\na.png\t0\n")
    dataset = open_dataset(path, inputs=[float_input(3, 8, 8)], labels=labels, preprocessing="raw")
    (batch,) = dataset.batches(10)
    assert batch.labels is not None
    assert batch.labels.tolist() == [7, 0]
    expected = np.stack([random_pixels(2), random_pixels(0)]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(batch.inputs["input"], expected)


def test_a_folder_without_labels_is_read_sorted_with_its_subfolders(tmp_path: Path) -> None:
    names = ["b/0.PNG", "a.png", "b.jpeg.txt", "b/c/1.png"]
    path = write_folder(
        tmp_path / "images", {name: encode(random_pixels(i)) for i, name in enumerate(names)}
    )
    found = only_batch(path, float_input(8, 8, 3), preprocessing="raw")
    np.testing.assert_array_equal(found, np.stack([random_pixels(i) for i in (1, 0, 3)]))


def test_skip_and_limit(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "images.zip", images(6))
    found = only_batch(path, float_input(8, 8, 3), preprocessing="raw", skip=2, limit=3)
    np.testing.assert_array_equal(found, np.stack([random_pixels(i) for i in (2, 3, 4)]))


def test_encoded_images_in_an_npz(tmp_path: Path) -> None:
    encoded = list(images(4).values())
    np.savez_compressed(
        tmp_path / "a.npz",
        jpeg=np.frombuffer(b"".join(encoded), np.uint8),
        offset=np.cumsum([0, *map(len, encoded)]),
        label=np.arange(4),
    )
    dataset = open_dataset(
        tmp_path / "a.npz", inputs=[float_input(8, 8, 3)], preprocessing="raw", skip=1
    )
    first, second = dataset.batches(2)
    np.testing.assert_array_equal(
        first.inputs["input"], np.stack([random_pixels(1), random_pixels(2)])
    )
    assert second.labels is not None
    assert second.labels.tolist() == [3]


@pytest.mark.parametrize("offset", [[0, 10, 9, 100], [1, 100], [0, 99], [], [0.0, 100.0]])
def test_offsets_that_are_none_are_refused(tmp_path: Path, offset: list[Any]) -> None:
    np.savez(tmp_path / "a.npz", jpeg=np.zeros(100, np.uint8), offset=np.array(offset))
    with pytest.raises(InvalidData, match=r"'offset'|no sample"):
        open_dataset(tmp_path / "a.npz", inputs=[float_input(8, 8, 3)], preprocessing="raw")


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_in_an_npz_equal_the_same_images_encoded(tmp_path: Path, channels: int) -> None:
    pixels = [random_pixels(i, 40, 30, channels) for i in range(5)]
    np.savez_compressed(tmp_path / "a.npz", image=np.stack(pixels))
    encoded = {f"{i}.png": encode(image) for i, image in enumerate(pixels)}
    path = write_zip(tmp_path / "a.zip", encoded)
    rules = tmp_path / "p.toml"
    rules.write_text(
        'channels = "BGR"\nmean = 3\n[resize]\nshort_side = 24\n[crop]\nsize = [20, 21]'
    )
    spec = float_input(3, 20, 21)
    np.testing.assert_array_equal(
        only_batch(tmp_path / "a.npz", spec, preprocessing=rules),
        only_batch(path, spec, preprocessing=rules),
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_neither_order_nor_values(tmp_path: Path, workers: int) -> None:
    path = write_zip(tmp_path / "images.zip", images(45))
    dataset = open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="cifar")
    alone = [batch.inputs["input"] for batch in dataset.batches(7)]
    helped = [batch.inputs["input"] for batch in dataset.batches(7, workers)]
    assert [len(batch) for batch in helped] == [7] * 6 + [3]
    np.testing.assert_array_equal(np.concatenate(helped), np.concatenate(alone))


def test_workers_report_a_bad_image_and_end(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "images.zip", images(20) | {"010.png": b"no image"})
    dataset = open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw")
    with pytest.raises(InvalidData, match=r"'010.png': found 8 bytes that can't be decoded"):
        list(dataset.batches(5, workers=2))
    assert multiprocessing.active_children() == []


def test_leaving_early_ends_the_workers(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "images.zip", images(60))
    batches = open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw").batches(4, 1)
    next(batches)
    assert multiprocessing.active_children() != []
    del batches
    assert multiprocessing.active_children() == []


def test_look_ahead_is_bounded() -> None:
    read: list[int] = []

    def counted() -> Iterator[EncodedImage]:
        for index in range(200):
            read.append(index)
            yield EncodedImage(str(index), encode(random_pixels(index)))

    stream = decode_in_order(counted(), Decoder(Geometry(), 8, 8), 2)
    next(stream)
    stream.close()
    assert len(read) == 2 * 2 * CHUNK_IMAGES


DECODE_WITHOUT_END = """
import sys
from pathlib import Path
from intaglio.commands.data.decoding_pool import decode_in_order
from intaglio.commands.data.image_decoding import Decoder, EncodedImage
from intaglio.commands.data.preprocessing_rules import Geometry

if __name__ == "__main__":
    data = Path(sys.argv[1]).read_bytes()
    images = iter(lambda: EncodedImage("a.png", data), None)
    for count, _ in enumerate(decode_in_order(images, Decoder(Geometry(), 8, 8), 2)):
        if count == 100:
            print("decoding", flush=True)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path: Path, ending: signal.Signals) -> None:
    (tmp_path / "a.png").write_bytes(encode(random_pixels(0)))
    script = tmp_path / "decode.py"
    script.write_text(DECODE_WITHOUT_END)
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path / "a.png"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "decoding\n"
    if ending == signal.SIGINT:
        os.killpg(parent.pid, ending)
    else:
        parent.send_signal(ending)
    # The workers hold the same pipes: their end is reached only when every one has gone.
    _, errors = parent.communicate(timeout=30)
    assert parent.returncode == -ending
    assert errors.count("Traceback") == (1 if ending == signal.SIGINT else 0)


def die(decoder: Decoder, images: object) -> None:
    os._exit(1)


def test_a_worker_that_dies_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding_pool, "_decode_chunk", die)
    images = [EncodedImage("a.png", encode(random_pixels(0)))]
    with pytest.raises(InvalidOption, match="--workers 1: a worker process ended"):
        list(decode_in_order(images, Decoder(Geometry(), 8, 8), 1))


@pytest.mark.parametrize("workers", [-1, 1000])
def test_numbers_of_workers_that_make_no_sense_are_refused(tmp_path: Path, workers: int) -> None:
    path = write_zip(tmp_path / "images.zip", images(1))
    dataset = open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw")
    with pytest.raises(InvalidOption, match="--workers"):
        dataset.batches(1, workers)


def test_names_outside_the_listing_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(encode(random_pixels(0)))
    folder = write_folder(tmp_path / "images", images(2))
    labels = tmp_path / "labels.csv"
    labels.write_text("../secret.png,0\n001.png,1\n")
    for path in (folder, write_zip(tmp_path / "images.zip", images(2))):
        with pytest.raises(InvalidData, match=r"without 1 that .* \('\.\./secret\.png'\)"):
            open_dataset(path, inputs=[float_input(3, 8, 8)], labels=labels, preprocessing="raw")


def huge_png(height: int, width: int) -> bytes:
    """A PNG that claims a size without having the pixels: a tiny file, a huge allocation."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (b"IHDR" + header, b"IDAT" + zlib.compress(b"\0" * 100), b"IEND")
    chunks = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def sixteen_bit() -> bytes:
    return encode(np.zeros((8, 8), np.uint16))


def gif() -> bytes:
    return encode(random_pixels(0), "GIF")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (huge_png(8200, 8200), "8200 x 8200 pixels .* at most"),
        (huge_png(10_000, 10_000), "decompression bomb"),
        (huge_png(60_000, 60_000), "decompression bomb"),
        (b"", "0 bytes that can't be decoded"),
        (encode(random_pixels(0))[:-40], "can't be decoded"),
        (encode(random_pixels(0, 64, 64), "JPEG")[:700], "can't be decoded"),
        (gif(), "can't be decoded"),
        (sixteen_bit(), "mode I;16.* 8 bits a channel"),
        (encode(random_pixels(0, 8, 9)), r"8 x 9 pixels .* after .* expected 8 x 8"),
    ],
)
def test_bad_images_are_named(tmp_path: Path, data: bytes, words: str) -> None:
    path = write_zip(tmp_path / "images.zip", {"good.png": encode(random_pixels(0)), "bad": b""})
    write_zip(path, {"good.png": encode(random_pixels(0)), "bad.png": data})
    batches = open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw").batches(1)
    next(batches)
    with pytest.raises(InvalidData, match=rf"images\.zip, 'bad\.png': found .*{words}"):
        next(batches)


def test_a_resize_that_would_explode_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "images.zip", {"thin.png": encode(random_pixels(0, 1, 20_000))})
    batches = open_dataset(path, inputs=[float_input(3, 224, 224)], preprocessing="tf").batches(1)
    with pytest.raises(InvalidData, match=r"'thin\.png': found 256 x 5120000 pixels"):
        next(batches)


def test_an_entry_that_unpacks_too_far_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_sources, "MAX_ENCODED_BYTES", 1000)
    for path in (
        write_zip(tmp_path / "images.zip", {"a.png": bytes(1001)}),
        write_folder(tmp_path / "images", {"a.png": bytes(1001)}),
    ):
        dataset = open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw")
        with pytest.raises(InvalidFile, match=r"a\.png.* than 1000 bytes"):
            next(dataset.batches(1))


def test_a_damaged_zip_is_one_sentence(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "images.zip", images(3))
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[:-30]):
        path.write_bytes(damaged)
        with pytest.raises(InvalidFile, match="the archive can't be read"):
            open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw")
    path.write_bytes(whole.replace(b"IDAT", b"IDAX"))
    batches = open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw").batches(1)
    with pytest.raises(InvalidFile, match=r"entry '000\.png' can't be read \(Bad CRC"):
        next(batches)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("a.png", b"")
        archive.writestr("a.png", b"")
    with pytest.raises(InvalidFile, match=r"two entries are named 'a\.png'"):
        open_dataset(path, inputs=[float_input(3, 8, 8)], preprocessing="raw")


def test_images_without_preprocessing_or_for_two_inputs_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "images.zip", images(1))
    with pytest.raises(InvalidOption, match="one of caffe, cifar, raw, tf, torchvision"):
        open_dataset(path, inputs=[float_input(3, 8, 8)])
    two = [float_input(3, 8, 8, name="a"), float_input(3, 8, 8, name="b")]
    with pytest.raises(InvalidData, match="2 inputs \\('a', 'b'\\)"):
        open_dataset(path, inputs=two, preprocessing="raw")
