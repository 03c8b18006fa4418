# SPDX-License-Identifier: Apache-2.0
"""LiteRT as it comes, with the XNNPACK delegate and one thread, in a process that stays alive."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from intaglio.commands.peers.catalog import Environment
from intaglio.commands.peers.environments import python_of
from intaglio.compiler.ir.graph import Array
from intaglio.errors import PeerFailed

ADAPTER = Path(__file__).with_name("litert_adapter.py")


class LiteRT:
    """A model and an input in LiteRT; a context manager that ends the process.

    Attributes:
        program: its name and version.
        delegated: whether the delegate took any operator.
    """

    def __init__(self, model: Path, image: Array, folder: Path) -> None:
        """Start the process.

        Args:
            model: a .tflite file, or an npz of ``write_network``.
            image: the input, in the model's type and shape.
            folder: for the files that both sides exchange.

        Raises:
            MissingPeer: LiteRT's environment hasn't been made.
            PeerFailed: LiteRT refuses the model.
        """
        self._output = folder / "output.npy"
        np.save(folder / "input.npy", image)
        command = [python_of(Environment.LITERT), ADAPTER, model, folder / "input.npy"]
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        about = self._answer()
        self.program = str(about["program"])
        self.delegated = bool(about["delegated"])

    def seconds(self, repeats: int) -> float:
        """Of one invocation, the mean of ``repeats``; measured there, without the exchange."""
        return float(self._ask(str(repeats))["seconds"])

    def output(self) -> Array:
        """The result of the last invocation."""
        self._ask(str(self._output))
        found: Array = np.load(self._output)
        return found

    def __enter__(self) -> "LiteRT":
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._process.communicate()

    def _ask(self, request: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        """One line; whatever else the program prints, JSON objects alone are answers."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        _, words = self._process.communicate()
        last = " ".join(words.split())[-120:]
        raise PeerFailed("litert", f"it ended; its last words: {last}", "leave the model out")
