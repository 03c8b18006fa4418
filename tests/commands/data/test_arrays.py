# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from intaglio.commands.data import Batch, InputSpec, open_dataset
from intaglio.commands.data.npz import read_npz, read_whole
from intaglio.errors import InvalidData, InvalidFile, InvalidOption
from tests.commands.data.images import float_input

Saved = dict[str, NDArray[Any]]


def save(path: Path, arrays: Saved, compressed: bool = False) -> Path:
    write = np.savez_compressed if compressed else np.savez
    write(path, allow_pickle=True, **arrays)
    return path


def floats(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def joined(batches: list[Batch], name: str = "input") -> NDArray[Any]:
    return np.concatenate([batch.inputs[name] for batch in batches])


@pytest.mark.parametrize("compressed", [False, True])
def test_streams_every_row_in_order(tmp_path: Path, compressed: bool) -> None:
    values, labels = floats(10, 3, 2), np.arange(10, dtype=np.uint8)
    path = save(tmp_path / "a.npz", {"input": values, "label": labels}, compressed)
    dataset = open_dataset(path, inputs=[float_input(3, 2)])
    batches = list(dataset.batches(4))
    assert len(dataset) == 10
    assert [len(batch) for batch in batches] == [4, 4, 2]
    np.testing.assert_array_equal(joined(batches), values)
    found = [batch.labels for batch in batches if batch.labels is not None]
    np.testing.assert_array_equal(np.concatenate(found), labels)
    assert found[0].dtype == np.int64


@pytest.mark.parametrize("compressed", [False, True])
def test_skip_and_limit_choose_the_same_rows_of_inputs_and_labels(
    tmp_path: Path, compressed: bool
) -> None:
    values, labels = floats(10, 700_000), np.arange(10)
    path = save(tmp_path / "a.npz", {"input": values, "labels": labels}, compressed)
    dataset = open_dataset(path, inputs=[float_input(700_000)], skip=3, limit=5)
    batches = list(dataset.batches(8))
    assert len(dataset) == 5
    np.testing.assert_array_equal(joined(batches), values[3:8])
    np.testing.assert_array_equal(batches[0].labels, labels[3:8])


def test_limit_beyond_the_end_takes_what_is_there(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"x": floats(3, 2)})
    assert len(open_dataset(path, inputs=[float_input(2)], skip=1, limit=100)) == 2


def test_each_pass_starts_from_the_front(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"input": floats(5, 2)})
    dataset = open_dataset(path, inputs=[float_input(2)])
    np.testing.assert_array_equal(
        joined(list(dataset.batches(2))), joined(list(dataset.batches(5)))
    )


@pytest.mark.parametrize("name", ["inputs", "image", "x", "mfcc"])
def test_a_single_input_is_found_under_usual_names_or_alone(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / "a.npz", {"label": np.arange(4), name: floats(4, 2)})
    (batch,) = open_dataset(path, inputs=[float_input(2)]).batches(4)
    assert batch.inputs["input"].shape == (4, 2)


def test_several_inputs_go_by_name(tmp_path: Path) -> None:
    left, right = floats(4, 2), floats(4, 3)
    path = save(tmp_path / "a.npz", {"right": right, "left": left})
    inputs = [float_input(2, name="left"), float_input(3, name="right")]
    (batch,) = open_dataset(path, inputs=inputs).batches(4)
    assert list(batch.inputs) == ["left", "right"]
    assert batch.labels is None
    np.testing.assert_array_equal(batch.inputs["right"], right)


@pytest.mark.parametrize("stored", [np.uint8, ">i2", np.float16, np.float64, ">f8", np.bool_])
def test_types_become_the_inputs_type(tmp_path: Path, stored: str) -> None:
    values = np.array([[0, 1], [1, 0]]).astype(stored)
    path = save(tmp_path / "a.npz", {"input": values})
    (batch,) = open_dataset(path, inputs=[float_input(2)]).batches(2)
    assert batch.inputs["input"].dtype == np.float32
    np.testing.assert_array_equal(batch.inputs["input"], [[0, 1], [1, 0]])


def test_rows_are_in_the_machines_byte_order(tmp_path: Path) -> None:
    array = read_npz(save(tmp_path / "a.npz", {"x": np.array([1, 256], ">i2")}))["x"]
    values = read_whole(array, 4)
    assert values.dtype.isnative
    assert values.tolist() == [1, 256]
    with pytest.raises(InvalidData, match="4 bytes, expected at most 3"):
        read_whole(array, 3)


def test_integer_inputs_keep_their_codes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"input": np.array([[-128, 127]], np.int8)})
    (batch,) = open_dataset(
        path, inputs=[InputSpec("input", (None, 2), np.dtype(np.int8))]
    ).batches(1)
    assert batch.inputs["input"].dtype == np.int8
    assert batch.inputs["input"].tolist() == [[-128, 127]]


def object_array() -> NDArray[Any]:
    return np.array([{"a": 1}, None], dtype=object)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"input": object_array()}, ["'input'", "object", "never loaded"]),
        ({"input": np.array(["a", "b"])}, ["'input'", "<U1", "numeric"]),
        ({"input": floats(2, 3)}, ["[2, 3]", "[?, 2]"]),
        ({"input": np.zeros((2, 2), np.complex64)}, ["complex64"]),
        ({"input": np.float32(1).reshape(())}, ["shape []"]),
        ({"input": floats(2, 0)}, ["shape [2, 0]"]),
        ({"input": floats(0, 2)}, ["no sample"]),
        ({"input": np.asfortranarray(floats(3, 2))}, ["column-major", "ascontiguousarray"]),
        ({"a": floats(2, 2), "b": floats(2, 2)}, ["'a', 'b'", "'input'", "'x'"]),
        ({"input": floats(2, 2), "label": np.array([0.5, 1])}, ["'label'", "float64"]),
        ({"input": floats(2, 2), "label": np.array([0, -1])}, ["label -1 at sample 1"]),
        ({"input": floats(2, 2), "label": np.array([0, 1, 2])}, ["[3]", "[2]"]),
    ],
)
def test_arrays_that_do_not_fit_are_refused_when_opened(
    tmp_path: Path, arrays: Saved, words: list[str]
) -> None:
    path = save(tmp_path / "a.npz", arrays)
    with pytest.raises(InvalidData) as refusal:
        open_dataset(path, inputs=[float_input(2)])
    for word in [str(path), *words]:
        assert word in str(refusal.value)


def test_an_object_array_nobody_asks_for_is_left_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"input": floats(2, 2), "notes": object_array()})
    assert len(open_dataset(path, inputs=[float_input(2)])) == 2


def test_floats_never_become_integers(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"input": floats(2, 2)})
    with pytest.raises(InvalidData, match="save the array as int8"):
        open_dataset(path, inputs=[InputSpec("input", (None, 2), np.dtype(np.int8))])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_a_value_that_is_not_finite_is_named_by_sample(tmp_path: Path, bad: float) -> None:
    values = np.zeros((6, 2))
    values[4, 1] = bad
    path = save(tmp_path / "a.npz", {"input": values})
    batches = open_dataset(path, inputs=[float_input(2)], skip=1).batches(2)
    next(batches)
    with pytest.raises(InvalidData, match="in sample 4, expected finite"):
        next(batches)


def test_inputs_of_different_lengths_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"a": floats(2, 2), "b": floats(3, 2)})
    with pytest.raises(InvalidData, match=r"'a': 2, 'b': 3"):
        open_dataset(path, inputs=[float_input(2, name="a"), float_input(2, name="b")])


@pytest.mark.parametrize("kept", [0, 10, 200, -30])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_file_is_one_sentence(tmp_path: Path, kept: int, compressed: bool) -> None:
    path = save(tmp_path / "a.npz", {"input": floats(50, 50)}, compressed)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InvalidFile, match=r"a\.npz: .* can't be read"):
        open_dataset(path, inputs=[float_input(50)])


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_in_the_middle_is_found_while_streaming(tmp_path: Path, compressed: bool) -> None:
    path = save(
        tmp_path / "a.npz",
        {"input": np.arange(10_000, dtype=np.uint16).reshape(50, 200) * 7919},
        compressed,
    )
    data = bytearray(path.read_bytes())
    data[5000:5004] = b"\x00\x00\x01\x01"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match="array 'input' can't be read"):
        list(open_dataset(path, inputs=[float_input(200)]).batches(7))


def test_a_header_that_promises_more_than_the_entry_holds_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"input": floats(9000, 4)})
    path.write_bytes(path.read_bytes().replace(b"(9000, 4)", b"(9999, 4)"))
    with pytest.raises(InvalidFile, match=r"says shape \[9999, 4\] of float32 but .* 144000 bytes"):
        open_dataset(path, inputs=[float_input(4)])


@pytest.mark.parametrize(
    ("skip", "limit", "words"),
    [(5, None, "--skip 5: .* holds 5 samples"), (-1, None, "--skip -1"), (0, 0, "--limit 0")],
)
def test_a_selection_without_samples_is_refused(
    tmp_path: Path, skip: int, limit: int | None, words: str
) -> None:
    path = save(tmp_path / "a.npz", {"input": floats(5, 2)})
    with pytest.raises(InvalidOption, match=words):
        open_dataset(path, inputs=[float_input(2)], skip=skip, limit=limit)


def test_a_batch_of_nothing_is_refused_at_once(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", {"input": floats(5, 2)})
    with pytest.raises(InvalidOption, match="--batch 0"):
        open_dataset(path, inputs=[float_input(2)]).batches(0)


def test_a_missing_file_and_a_label_file_for_an_npz_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="nothing is there"):
        open_dataset(tmp_path / "no.npz", inputs=[float_input(2)])
    path = save(tmp_path / "a.npz", {"input": floats(5, 2)})
    with pytest.raises(InvalidOption, match="brings its own labels"):
        open_dataset(path, inputs=[float_input(2)], labels="labels.tsv")
