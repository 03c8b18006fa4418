# SPDX-License-Identifier: Apache-2.0
"""Peers' environments are made whole or not at all."""

from pathlib import Path

import pytest

from intaglio.commands.peers import environments
from intaglio.commands.peers.catalog import Environment, Peer, environments_named
from intaglio.commands.peers.environments import folder_of, python_of, set_up
from intaglio.errors import InvalidOption, MissingPeer, PeerFailed

LITERT = Environment.LITERT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "peers"
    monkeypatch.setenv(environments.VARIABLE, str(place))
    return place


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of the tools' work, an empty file where the Python would be."""
    made: list[str] = []

    def do(environment: Environment, command: list[str]) -> None:
        if command[1:3] == ["-m", "venv"]:
            made.append(command[3])
            python = Path(command[3]) / "bin" / "python"
            python.parent.mkdir()
            python.touch()

    monkeypatch.setattr(environments, "_do", do)
    return made


def test_every_environment_has_a_lock_with_hashes() -> None:
    for environment in Environment:
        text = environments.lock_of(environment).read_text()
        assert text.count("==") > 0
        assert text.count("--hash=sha256:") >= text.count("==")


def test_what_a_lock_leaves_out_is_installed_by_its_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands: list[list[str]] = []

    def keep(_: object, command: list[str]) -> None:
        commands.append(command)

    monkeypatch.setattr(environments, "_do", keep)
    set_up(Environment.QUANTIZERS, lambda _: None)
    _, locked, left_out = commands
    assert {"--require-hashes", "--no-deps"} <= set(locked)
    assert left_out[-1].startswith("torch==")
    assert "--require-hashes" not in left_out
    assert "\ntorch" not in environments.lock_of(Environment.QUANTIZERS).read_text()


def test_a_missing_environment_says_what_makes_it() -> None:
    with pytest.raises(MissingPeer, match="make it with `intaglio compare --setup litert`"):
        python_of(LITERT)


def test_it_is_made_once(quick: list[str], folder: Path) -> None:
    said: list[str] = []
    assert set_up(LITERT, said.append)
    assert python_of(LITERT).parent.parent == folder_of(LITERT)
    assert folder_of(LITERT).parent == folder
    assert not set_up(LITERT, said.append)
    assert len(quick) == 1
    assert all(sentence.startswith("litert: ") for sentence in said)


def test_programs_in_it_stay_where_they_were_made(quick: list[str]) -> None:
    set_up(LITERT, lambda _: None)
    assert python_of(LITERT).resolve() == Path(quick[0]) / "bin" / "python"


@pytest.mark.usefixtures("quick")
def test_another_lock_is_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(LITERT, lambda _: None)
    (tmp_path / "litert.lock").write_text("numpy==1.0\n")
    monkeypatch.setattr(environments, "_LOCKS", tmp_path)
    with pytest.raises(MissingPeer):
        python_of(LITERT)


def test_an_interrupt_leaves_no_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(environment: Environment, command: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(environments, "_do", interrupted)
    with pytest.raises(KeyboardInterrupt):
        set_up(LITERT, lambda _: None)
    assert list(folder.iterdir()) == []


def test_who_comes_second_takes_what_the_first_has_made(
    folder: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(sentence: str) -> None:
        if "installing" in sentence and len(quick) == 1:
            set_up(LITERT, lambda _: None)

    set_up(LITERT, meanwhile)
    assert python_of(LITERT).resolve() == Path(quick[1]) / "bin" / "python"
    assert not Path(quick[0]).exists()
    assert len(list(folder.iterdir())) == 2


def test_a_tool_that_fails_is_quoted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "litert.lock").write_text("no requirement at all\n")
    monkeypatch.setattr(environments, "_LOCKS", tmp_path)
    with pytest.raises(PeerFailed, match=r"^litert: `-m pip install` ended with 1: .*no req"):
        set_up(LITERT, lambda _: None)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path / "file"))
    with pytest.raises(PeerFailed, match=r"set \$INTAGLIO_PEERS to a folder that can"):
        set_up(LITERT, lambda _: None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all", tuple(each for each in Environment if each is not Environment.QUANTIZERS)),
        ("quantizers", (Environment.QUANTIZERS,)),
        ("tflm", (Environment.LITERT,)),
        ("litert-ref-1.2", (Environment.LITERT_1_2,)),
        ("tosa", (Environment.TOSA,)),
        ("onnxruntime", ()),
    ],
)
def test_names_of_peers_and_of_environments(name: str, expected: tuple[Environment, ...]) -> None:
    assert environments_named(name) == expected


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InvalidOption) as caught:
        environments_named("tvm")
    assert all(peer.value in str(caught.value) for peer in Peer)
