# SPDX-License-Identifier: Apache-2.0
"""Settings in files that anyone may have made."""

from pathlib import Path

import pytest

from intaglio.commands.sweep.setting_files import load_settings
from intaglio.commands.sweep.settings import parse_value
from intaglio.errors import InvalidFile


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_toml_say_the_same(tmp_path: Path) -> None:
    csv = written(tmp_path, "a.csv", "a.bits,b.rounding\n8,floor\n\n16,half-even\n")
    toml = written(
        tmp_path,
        "a.toml",
        '[[setting]]\na.bits = 8\nb.rounding = "floor"\n'
        '[[setting]]\n"b.rounding" = "half-even"\na = {bits = 16}\n',
    )
    expected = (
        {"a.bits": "8", "b.rounding": "floor"},
        {"a.bits": "16", "b.rounding": "half-even"},
    )
    assert load_settings(csv) == expected
    assert load_settings(toml) == expected


def test_a_table_with_a_kind_is_a_value(tmp_path: Path) -> None:
    table = 'scheme = { kind = "stages", deep = { x = [1, "a"], y = true } }'
    (setting,) = load_settings(written(tmp_path, "a.toml", f"[[setting]]\n{table}\n"))
    assert parse_value(setting["scheme"]) == {
        "kind": "stages",
        "deep": {"x": [1, "a"], "y": True},
    }


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.csv", "", "no setting"),
        ("a.csv", "a\n", "no setting"),
        ("a.csv", "a,a\n1,2\n", "twice"),
        ("a.csv", "a,b\n1\n", "has 1 values"),
        ("a.csv", 'a\n"1', "no CSV"),
        ("a.csv", "a,b\n1,\n", "has no b"),
        ("a.toml", "setting = 1", r"\[\[setting\]\]"),
        ("a.toml", "setting = [1]", "no tables"),
        ("a.toml", "[[setting]]\na=1\n[[setting]]\nb=1", "not the fields of the first"),
        ("a.toml", "[[setting]]\na=1\n[x]\n", "other things"),
        ("a.toml", "[" * 10_000, "no TOML"),
        ("a.json", "{}", "neither"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, name: str, text: str, found: str) -> None:
    with pytest.raises(InvalidFile, match=found):
        load_settings(written(tmp_path, name, text))


def test_no_file_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="can't be read"):
        load_settings(tmp_path / "absent.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidFile, match="can't be read"):
        load_settings(tmp_path / "bytes.csv")
