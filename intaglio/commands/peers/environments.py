# SPDX-License-Identifier: Apache-2.0
"""The peers' environments: made from locked requirements, whole or not at all."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from intaglio.commands.peers.catalog import Environment, Peer
from intaglio.errors import MissingPeer, PeerFailed

VARIABLE = "INTAGLIO_PEERS"
"""Names the folder of the environments."""

_LOCKS = Path(__file__).parent / "locks"
_KEPT_WORDS = 600

Say = Callable[[str], None]
"""Called with what is being done."""


def environments_folder() -> Path:
    """``$INTAGLIO_PEERS``, or a folder in the user's cache folder."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "intaglio" / "peers"


def lock_of(environment: Environment) -> Path:
    """The requirements: every version and every hash."""
    return _LOCKS / f"{environment.value}.lock"


def folder_of(environment: Environment) -> Path:
    """Where it stands once it is made; another lock or Python has another folder."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(lock_of(environment).read_bytes()).hexdigest()[:12]
    return environments_folder() / f"{environment.value}-py{version}-{key}"


def python_of(environment: Environment) -> Path:
    """The environment's Python; its folder holds the environment's other programs.

    Raises:
        MissingPeer: the environment hasn't been made.
    """
    python = folder_of(environment) / "bin" / "python"
    if not python.exists():
        raise MissingPeer(environment.value)
    return python


def demand(peer: Peer) -> None:
    """Say at once that a peer can't be run.

    Raises:
        MissingPeer: its environment hasn't been made.
    """
    if peer.about.environment is not None:
        python_of(peer.about.environment)


def set_up(environment: Environment, say: Say) -> bool:
    """Make the environment and return True; return False where it stands already.

    It is made in a folder of its own, which its place becomes a link to when it is whole: programs
    in it know their path, so that it can't be renamed.  A failure or an interrupt leaves nothing.

    Raises:
        PeerFailed: the environment can't be made, with the last words of the tool that failed.
    """
    place = folder_of(environment)
    if place.exists():
        return False
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
    except OSError as error:
        raise PeerFailed(
            environment.value,
            f"{place.parent} can't be written ({error.strerror or error})",
            f"set ${VARIABLE} to a folder that can",
        ) from error
    try:
        say(f"{environment.value}: making an environment")
        _do(environment, [sys.executable, "-m", "venv", str(made)])
        say(f"{environment.value}: installing its packages")
        _do(environment, _locked(environment, made))
        if environment.any_build:
            _do(environment, [*_pip(made), *environment.any_build])
        _publish(made, place)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return True


def _locked(environment: Environment, folder: Path) -> list[str]:
    """Installs what the lock names and nothing else."""
    command = [*_pip(folder), "--require-hashes", "--requirement", str(lock_of(environment))]
    return [*command, "--no-deps"] if environment.any_build else command


def _pip(folder: Path) -> list[str]:
    """Without warnings about a newer pip."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    return [str(folder / "bin" / "python"), "-m", "pip", "install", *quiet]


def _do(environment: Environment, command: list[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip())[-_KEPT_WORDS:]
        raise PeerFailed(
            environment.value,
            f"`{' '.join(command[1:4])}` ended with {done.returncode}: {words}",
            "mend what it complains about and set the peer up again",
        )


def _publish(made: Path, place: Path) -> None:
    """Another process may have been quicker: its environment has the same packages."""
    try:
        place.symlink_to(made.name)
    except FileExistsError:
        shutil.rmtree(made, ignore_errors=True)
