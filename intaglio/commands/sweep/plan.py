# SPDX-License-Identifier: Apache-2.0
"""Which settings mean which arithmetic: one run for all that are proved the same."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import intaglio
from intaglio.commands.progress import StepReport
from intaglio.commands.sweep.canonical import canonical_hash
from intaglio.commands.sweep.chunk_runs import Run
from intaglio.commands.sweep.cutting import CutGraph, cut
from intaglio.commands.sweep.encoding import EncodedData
from intaglio.commands.sweep.observing import may_overflow
from intaglio.commands.sweep.settings import Setting
from intaglio.commands.sweep.subjects import Arithmetic, Source, lower_named, parts_of
from intaglio.compiler.ir.graph import Graph
from intaglio.errors import IntaglioError, InvalidFile
from intaglio.numerics.profile import Profile

_ENGINE = (
    "numerics",
    "compiler/analysis",
    "compiler/ir",
    "compiler/targets",
    "simulator",
    "commands/sweep",
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A setting.

    Attributes:
        setting: what it sets.
        graph: the canonical hash of its graph; empty where it is refused.
        run: the identity of its run; of one canonical hash there are several where other sums may
            overflow on the way to the same outputs.
        refused: why this network can't have it.
    """

    setting: Setting
    graph: str
    run: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep runs.

    Attributes:
        name: the model's name.
        reference: the canonical hash of what the others are held against.
        reference_run: the identity of its run.
        graphs: every graph that is run, by the identity of the run.
        settings: in the order asked for.
    """

    name: str
    reference: str
    reference_run: str
    graphs: Mapping[str, CutGraph]
    settings: tuple[Planned, ...]

    @property
    def heads(self) -> dict[str, Graph]:
        """The graphs from inputs to codes, by canonical hash."""
        return {canonical_hash(each.head): each.head for each in self.graphs.values()}


def make_plan(
    path: Path,
    source: Source,
    arithmetic: Arithmetic,
    settings: Sequence[Setting],
    report: StepReport,
) -> Plan:
    """Lower every setting, and see which are the same.

    A setting that this network can't have is noted with the reason.

    Raises:
        InvalidFile: a file can't be read.
        InvalidOption: a setting sets what there isn't.
        InvalidProfile: a setting's value isn't one of its field's.
        UnsupportedModel: the reference has no arithmetic for a node, or no setting has one.
    """
    profiles = [arithmetic.profile(setting) for setting in settings]
    for setting in (*settings, arithmetic.reference or {}):
        source.check(parts_of(setting).recipe)
    reference = _reference(path, source, arithmetic)
    known = canonical_hash(reference)
    reference_run = run_identity(known, reference)
    graphs = {reference_run: cut(reference)}
    planned: dict[int, Planned] = {}
    first_refusal: IntaglioError | None = None
    for done, number in enumerate(_by_recipe(settings)):
        report("lowering settings", done, len(settings))
        try:
            graph = _lowered(path, source, settings[number], profiles[number])
        except InvalidFile:
            raise
        except IntaglioError as error:
            first_refusal = first_refusal or error
            planned[number] = Planned(settings[number], "", "", " ".join(str(error).split()))
            continue
        key = canonical_hash(graph)
        run = run_identity(key, graph)
        graphs.setdefault(run, cut(graph))
        planned[number] = Planned(settings[number], key, run)
    if first_refusal is not None and all(each.refused for each in planned.values()):
        raise first_refusal
    ordered = tuple(planned[number] for number in range(len(settings)))
    return Plan(path.stem, known, reference_run, graphs, ordered)


def runs_of(
    plan: Plan, data: Mapping[str, EncodedData], chunk: int, *, count_ordered: bool
) -> tuple[Run, ...]:
    """The runs of a plan, the reference first.

    Args:
        plan: what is to be run.
        data: input codes by the hash of the head that makes them.
        chunk: samples in a chunk.
        count_ordered: whether overflows of sums whose order matters are counted too.
    """
    keys: dict[str, str] = {}
    runs: list[Run] = []
    for graph, parts in plan.graphs.items():
        head = canonical_hash(parts.head)
        against = keys.get(plan.reference_run, "")
        parts_of_key = (engine_version(), graph, data[head].key, chunk, against, count_ordered)
        named = "".join(f"{part}\n" for part in parts_of_key)
        keys[graph] = hashlib.sha256(named.encode()).hexdigest()
        is_reference = graph == plan.reference_run
        runs.append(Run(keys[graph], parts.core, parts.outputs, head, is_reference, count_ordered))
    return tuple(runs)


def run_identity(canonical: str, graph: Graph) -> str:
    """The same for graphs with the same outputs in which the same sums may overflow."""
    doubtful = "".join(f"{accumulator}\n" for accumulator in may_overflow(graph))
    return hashlib.sha256(f"{canonical}\n{doubtful}".encode()).hexdigest()


@cache
def engine_version() -> str:
    """A hash of the version and of our own sources that results depend on."""
    digest = hashlib.sha256(intaglio.__version__.encode())
    root = Path(intaglio.__file__).parent
    for folder in _ENGINE:
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _reference(path: Path, source: Source, arithmetic: Arithmetic) -> Graph:
    setting = arithmetic.reference or {}
    return _lowered(path, source, setting, arithmetic.wide())


def _lowered(path: Path, source: Source, setting: Setting, profile: Profile) -> Graph:
    return lower_named(path, source.scaled(parts_of(setting).recipe), profile)


def _by_recipe(settings: Sequence[Setting]) -> Iterator[int]:
    """The settings by number, those of one recipe together: to quantize is the longest work."""
    recipes = [tuple(sorted(parts_of(setting).recipe.items())) for setting in settings]
    for recipe in dict.fromkeys(recipes):
        yield from (number for number, other in enumerate(recipes) if other == recipe)
