# SPDX-License-Identifier: Apache-2.0
"""The ``.intaglio`` file: what is saved is loaded, and nothing else is."""

import contextlib
import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir import file
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.errors import InvalidFile, InvalidGraph
from tests.compiler.ir.every_op import FIXED, SCALED

BIG = "graph g fixed\n%x: i8[1,9] = input\n%w: i8[9,9] = constant [{}]\n" + (
    "%y: i32[1,9] = mat_mul(%x, %w) accumulator=accumulator(type=i32)\nreturn %y\n"
)
CONSTANT = "constants/00000.npy"
ADVICE = "get an intact copy, or make the file again from the model."

Contents = dict[str, bytes]


@pytest.fixture
def graph() -> Graph:
    return parse_graph(BIG.format(", ".join(map(str, range(-40, 41)))))


@pytest.fixture
def saved(graph: Graph, tmp_path: Path) -> Path:
    file.save(graph, tmp_path / "net.intaglio")
    return tmp_path / "net.intaglio"


def read(path: Path) -> Contents:
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def write(path: Path, contents: Contents) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def edit_manifest(contents: Contents, edit: Callable[[Any], None]) -> Contents:
    manifest = json.loads(contents["manifest.json"])
    edit(manifest)
    return contents | {"manifest.json": json.dumps(manifest).encode()}


def with_entry(contents: Contents, name: str, content: bytes, **fields: Any) -> Contents:
    """The entry replaced, with a manifest that agrees, unless ``fields`` say otherwise."""
    stated = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} | fields
    edited = edit_manifest(
        contents, lambda each: each["entries"].setdefault(name, {}).update(stated)
    )
    return edited | {name: content}


@pytest.mark.parametrize("text", [FIXED, SCALED], ids=["fixed", "scaled"])
def test_what_is_saved_is_loaded(text: str, tmp_path: Path) -> None:
    graph = parse_graph(text)
    file.save(graph, tmp_path / "net.intaglio")
    assert file.load(tmp_path / "net.intaglio") == graph


def test_big_constants_are_plain_arrays(graph: Graph, saved: Path) -> None:
    contents = read(saved)
    assert list(contents) == ["manifest.json", "graph.txt", CONSTANT]
    array = np.load(io.BytesIO(contents[CONSTANT]), allow_pickle=False)
    assert array.tolist() == np.arange(-40, 41).reshape(9, 9).tolist()
    assert array.dtype == np.int8
    assert file.load(saved) == graph


def test_the_same_graph_gives_the_same_bytes(graph: Graph, saved: Path, tmp_path: Path) -> None:
    file.save(file.load(saved), tmp_path / "again.intaglio")
    assert (tmp_path / "again.intaglio").read_bytes() == saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_saving_replaces_what_stood_there_and_leaves_nothing_beside(
    graph: Graph, saved: Path
) -> None:
    saved.write_bytes(b"old")
    file.save(graph, saved)
    assert file.load(saved) == graph
    assert list(saved.parent.iterdir()) == [saved]


def test_an_invalid_graph_is_not_saved(tmp_path: Path) -> None:
    graph = parse_graph("graph g fixed\n%x: i8[1] = input\n%y: i8[1] = add(%x, %x)\nreturn %y")
    with pytest.raises(InvalidGraph):
        file.save(graph, tmp_path / "net.intaglio")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_alone(
    graph: Graph, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(InvalidFile) as error:
        file.save(graph, saved)
    assert str(error.value) == (
        f"{saved}: can't be written (No space left on device); "
        "choose a name in a folder that exists and that you may write to."
    )
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_does_not_exist_is_named(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="can't be written"):
        file.save(graph, tmp_path / "absent" / "net.intaglio")


def refusal(path: Path) -> str:
    with pytest.raises(InvalidFile) as error:
        file.load(path)
    return str(error.value).removeprefix(f"{path}: ")


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.intaglio") == (
        "can't be read (No such file or directory); check the path and its permissions."
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"graph g fixed", b"\0" * 4096])
def test_what_is_not_a_zip(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.intaglio"
    path.write_bytes(content)
    assert refusal(path) == f"not an intact zip (File is not a zip file); {ADVICE}"


def test_a_truncated_file(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-30])
    assert refusal(saved) == f"not an intact zip (File is not a zip file); {ADVICE}"


def test_flipped_bits(saved: Path) -> None:
    content = saved.read_bytes()
    place = content.index(b"mat_mul")
    saved.write_bytes(content[:place] + b"w" + content[place + 1 :])
    assert refusal(saved) == f"not an intact zip (Bad CRC-32 for file 'graph.txt'); {ADVICE}"


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "constants/../../evil.npy", "C:\\evil", "constants/", "other.txt"],
)
def test_names_that_have_no_place(name: str, saved: Path) -> None:
    write(saved, read(saved) | {name: b""})
    assert refusal(saved) == f"the entry {name!r} has no place in an .intaglio file; {ADVICE}"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice(saved: Path) -> None:
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("graph.txt", b"graph other fixed")
    assert refusal(saved) == f"the entry 'graph.txt' is there twice; {ADVICE}"


def test_a_compressed_entry_could_be_a_bomb(saved: Path) -> None:
    contents = read(saved) | {CONSTANT: bytes(10_000_000)}
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    assert refusal(saved) == (
        f"the entry 'manifest.json' is compressed or encrypted, not stored; {ADVICE}"
    )


def with_directory_sizes(content: bytes, name: str, stored: int, unpacked: int) -> bytes:
    """The zip with other sizes of an entry in its central directory."""
    place = content.rindex(name.encode()) - 46
    assert content[place : place + 4] == b"PK\x01\x02"
    return content[: place + 20] + struct.pack("<II", stored, unpacked) + content[place + 28 :]


def test_an_entry_of_two_sizes(saved: Path) -> None:
    saved.write_bytes(with_directory_sizes(saved.read_bytes(), CONSTANT, 100, 2**31))
    assert refusal(saved) == f"the entry {CONSTANT!r} states two sizes; {ADVICE}"


def test_an_entry_that_is_bigger_than_the_file(saved: Path) -> None:
    content = saved.read_bytes()
    saved.write_bytes(with_directory_sizes(content, CONSTANT, 2**31, 2**31))
    assert refusal(saved).startswith("the entries state 2147")
    assert refusal(saved).endswith(f" bytes in a file of {len(content)}; {ADVICE}")


@pytest.mark.parametrize("name", ["manifest.json", "graph.txt"])
def test_an_entry_that_is_missing(name: str, saved: Path) -> None:
    contents = read(saved)
    del contents[name]
    write(saved, contents)
    assert refusal(saved) == f"there is no entry {name!r}; {ADVICE}"


def test_a_constant_that_is_missing(saved: Path) -> None:
    contents = read(saved)
    del contents[CONSTANT]
    write(saved, contents)
    assert refusal(saved) == f"the entry {CONSTANT!r} is in the manifest alone; {ADVICE}"


def test_an_entry_that_the_manifest_does_not_list(saved: Path) -> None:
    write(saved, read(saved) | {"constants/00001.npy": b""})
    assert refusal(saved) == f"the entry 'constants/00001.npy' is in the zip alone; {ADVICE}"


def test_another_hash(saved: Path) -> None:
    contents = read(saved)
    contents["graph.txt"] = contents["graph.txt"].replace(b"graph g", b"graph h")
    write(saved, contents)
    assert refusal(saved) == (
        f"the entry 'graph.txt' doesn't have the hash that the manifest says; {ADVICE}"
    )


def test_another_size(saved: Path) -> None:
    contents = read(saved)
    write(saved, contents | {"graph.txt": contents["graph.txt"] + b"\n"})
    size = len(contents["graph.txt"])
    assert refusal(saved) == (
        f"the entry 'graph.txt' has {size + 1} bytes, the manifest says {size}; {ADVICE}"
    )


def test_an_unknown_version(saved: Path) -> None:
    write(saved, edit_manifest(read(saved), lambda manifest: manifest.update(format=2)))
    assert refusal(saved) == (
        "the manifest states format 2, and this Intaglio reads 1; "
        "load it with the Intaglio that wrote it, or make the file again from the model."
    )


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "holds no object as a whole"),
        (b'{"format": 1}', "holds no object under entries"),
        (b'{"format": 1, "entries": {"graph.txt": 7}}', "holds no object for 'graph.txt'"),
        (
            b'{"format": 1, "entries": {"graph.txt": {"size": "7", "sha256": ""}}}',
            "has no size and sha256 for 'graph.txt'",
        ),
    ],
)
def test_a_manifest_that_is_none(manifest: bytes, found: str, saved: Path) -> None:
    write(saved, read(saved) | {"manifest.json": manifest})
    assert refusal(saved).startswith(f"the manifest {found}; ")


def npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


def test_a_pickle_is_not_an_array(saved: Path) -> None:
    write(saved, with_entry(read(saved), CONSTANT, npy(np.array([{}], dtype=object))))
    assert refusal(saved) == f"the entry {CONSTANT!r} is not a plain array of numbers; {ADVICE}"


def test_an_array_by_columns_is_not_taken(saved: Path) -> None:
    array = np.asfortranarray(np.arange(81, dtype=np.int8).reshape(9, 9))
    write(saved, with_entry(read(saved), CONSTANT, npy(array)))
    assert refusal(saved) == f"the entry {CONSTANT!r} is not a plain array of numbers; {ADVICE}"


def test_an_array_that_claims_more_than_there_is(saved: Path) -> None:
    content = npy(np.zeros((9, 9), dtype=np.int8)).replace(b"(9, 9)", b"(9,9" + b"9)")
    write(saved, with_entry(read(saved), CONSTANT, content))
    assert (
        refusal(saved) == f"the entry {CONSTANT!r} has 81 bytes for int8 of shape [9, 99]; {ADVICE}"
    )


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (
            np.zeros((9, 9), dtype=np.int16),
            "an array of int16 and shape [9, 9] for %w, expected int8 and shape [9, 9]",
        ),
        (
            np.zeros((81,), dtype=np.int8),
            "an array of int8 and shape [81] for %w, expected int8 and shape [9, 9]",
        ),
        (np.zeros((9, 9), dtype=np.int8), "one with sha256:"),
    ],
    ids=["type", "shape", "elements"],
)
def test_an_array_that_the_text_does_not_name(
    array: np.ndarray[Any, Any], found: str, saved: Path
) -> None:
    write(saved, with_entry(read(saved), CONSTANT, npy(array)))
    assert refusal(saved).startswith(f"graph.txt, line 3: found {found}")


def test_a_constant_under_another_name(saved: Path) -> None:
    contents = read(saved)
    write(saved, with_entry(contents, CONSTANT, contents[CONSTANT], constant="v"))
    assert refusal(saved).startswith(
        "graph.txt, line 3: found none, expected an array for %w among the constants"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"graph g \xff", "graph.txt is not ASCII text"),
        (b"graph g\n", "graph.txt, line 2: found the end of the text, expected scaled or fixed"),
        (
            b"graph g fixed\n%x: i8[1] = input\n%y: i8[1] = add(%x, %x)\nreturn %y\n",
            "its graph breaks rules of the IR:\n  add %y: found a result of i8 for values in "
            "[-256, 254], expected a type such as i9.",
        ),
    ],
    ids=["bytes", "text", "graph"],
)
def test_a_text_that_is_no_valid_graph(text: bytes, found: str, saved: Path) -> None:
    write(saved, with_entry(read(saved), "graph.txt", text))
    assert refusal(saved).startswith(found)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_means_the_same(
    saved: Path, graph: Graph, data: st.DataObject
) -> None:
    content = bytearray(saved.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content) - 1))
        content[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    damaged = saved.with_name("damaged.intaglio")
    damaged.write_bytes(content)
    with contextlib.suppress(InvalidFile):
        assert file.load(damaged) == graph
