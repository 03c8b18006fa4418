# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from intaglio.commands.data.label_file import read_label_file
from intaglio.errors import InvalidFile


def read(tmp_path: Path, text: str) -> list[tuple[str, int]]:
    path = tmp_path / "labels"
    path.write_bytes(text.encode())
    return [(line.name, line.label) for line in read_label_file(path)]


@pytest.mark.parametrize(
    "text",
    [
        "b.png\t3\na.png\t0\n",
        "b.png,3\r\na.png,0",
        "b.png 3\n\na.png 0\n",
        "\ufeffFile,Label\nb.png,3\na.png,0\n",
        "class\twnid\tname\tfile\n3\tn1\tcat\tb.png\n0\tn2\tdog\ta.png\n",
        'name,class\n"b.png",3\n"a.png","0"\n',
        "b.png\t3\tcomment, here\na.png\t0\n",
    ],
)
def test_every_way_to_write_it(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [("b.png", 3), ("a.png", 0)]


def test_quotes_and_spaces_belong_to_tab_separated_names(tmp_path: Path) -> None:
    assert read(tmp_path, '"a b".png\t1\n') == [('"a b".png', 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("file\tlabel\n", "it names no image"),
        ("a.png\n", "line 1 has one column: 'a.png'"),
        ("a.png\t1\nb.png\n", "line 2 has 1 column"),
        ("a.png\t1\nb.png\tcat\n", "line 2, column 2: label 'cat' is no class index"),
        ("label,file\n1.5,a.png\n", "line 2, column 1: label '1.5'"),
        ("a.png\t-1\n", ".*label '-1'"),
        ("a.png\t12345678901\n", ".*label '12345678901'"),
        ("a.png\t\u0663\n", ".*is no class index"),
        ("a.png\t1\na.png\t1\n", "line 2: 'a.png' has a label already"),
        ("x" * 200_000 + ",1\n", "line 1: field larger"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidFile, match=f"labels: {words}"):
        read(tmp_path, text)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(InvalidFile, match="can't be read as text"):
        read_label_file(tmp_path / "binary")
    with pytest.raises(InvalidFile, match="can't be read as text"):
        read_label_file(tmp_path / "missing")
