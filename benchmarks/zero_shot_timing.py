# SPDX-License-Identifier: Apache-2.0
"""Time and memory to make data: for ``benchmarks.zero_shot --timing``."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.data_free_cases import MOBILENET_025, RESNET20
from benchmarks.networks import Network
from benchmarks.zero_shot_run import copy_network, run_guarded
from intaglio.commands.tables import Column, Table, print_table

SAMPLES = 32
MOST_MEBIBYTES = 4096.0
_RECIPES = ("dsg", "zeroq", "gzsq")
# Seconds on two cores.
_MOST = ((RESNET20, 60.0), (MOBILENET_025, 360.0))


@dataclass(frozen=True, slots=True)
class Timing:
    """One network with one recipe.

    Attributes:
        network: its name.
        recipe: by name.
        data_seconds: that making data took.
        seconds: of the whole process, imports with it.
        most: seconds of the process that are wanted at the most.
        peak_mebibytes: of its memory.
        did: what was made, in words.
    """

    network: str
    recipe: str
    data_seconds: float
    seconds: float
    most: float
    peak_mebibytes: float
    did: str

    @property
    def is_met(self) -> bool:
        """Whether time and memory are as wanted."""
        return self.seconds < self.most and self.peak_mebibytes < MOST_MEBIBYTES


def timings(only: str, options: Sequence[str]) -> Iterator[Timing]:
    """Each network with each recipe whose name contains the text, one by one."""
    for network, most in _MOST:
        for recipe in _RECIPES:
            if only in f"{network.name}, {recipe}":
                yield timing(network, recipe, most, options)


def timing(network: Network, recipe: str, most: float, options: Sequence[str]) -> Timing:
    """Make data as the command line does.

    Args:
        network: whose file is copied.
        recipe: by name.
        most: seconds that are wanted at the most.
        options: changed choices, as ``--set`` takes them.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "net.onnx"
        copy_network(network, model)
        arguments: list[str | Path] = ["synthesize", model, "-o", folder / "made.npz"]
        arguments += ["--recipe", recipe]
        arguments += ["--preprocessing", network.preprocessing, "--samples", str(SAMPLES)]
        for option in options:
            arguments += ["--set", option]
        finished = run_guarded(folder, arguments)
    if finished.refused is not None:
        raise RuntimeError(finished.refused)
    return Timing(
        network.name,
        recipe,
        finished.answer["seconds"],
        finished.seconds,
        most,
        finished.facts.peak_mebibytes,
        finished.answer["did"],
    )


def print_timings(rows: Sequence[Timing]) -> bool:
    """The table; whether all is as wanted."""
    columns = (
        Column("network", "network"),
        Column("recipe", "recipe"),
        Column("data_seconds", "data s", ".1f"),
        Column("seconds", "process s", ".1f"),
        Column("most", "wanted s", ".0f"),
        Column("peak_mebibytes", "peak MiB", ".0f"),
        Column("met", "met"),
    )
    cells = [{**asdict(row), "met": row.is_met} for row in rows]
    print_table(Table(f"{SAMPLES} samples", columns, cells))
    return all(row.is_met for row in rows)
