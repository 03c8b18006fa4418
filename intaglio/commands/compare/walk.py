# SPDX-License-Identifier: Apache-2.0
"""Run a model here and in a peer, and find the tensors that differ."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import islice

from intaglio.commands.compare.chain import Chain, StepProgram
from intaglio.commands.compare.explain import explaining_profiles
from intaglio.commands.compare.report import Divergence, PeerComparison
from intaglio.commands.compare.subject import CutSubject, Step, Subject, Tensors
from intaglio.commands.engines import Comparison, compare
from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Answer, Tensor, run_peer
from intaglio.commands.progress import Report
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.pipeline import lower
from intaglio.numerics.profile import Profile

_RUNS_AT_A_TIME = 8
"""Tensors of this many runs are held, and handed to the peer, together."""

Stage = Callable[[str], AbstractContextManager[Report]]
"""Shows a kind of work, which the report given moves on."""


def compare_with_peer(
    subject: Subject,
    peer: Peer,
    profile: Profile,
    samples: Iterable[Tensors],
    stage: Stage,
) -> PeerComparison:
    """Hold every step, alone and on the same inputs, and the whole model against the peer.

    Where the peer shows all tensors of the whole model, they stand for those of the steps.

    Args:
        subject: the model in steps.
        peer: the runtime.
        profile: our arithmetic.
        samples: the inputs of each run.
        stage: shows progress.

    Raises:
        MissingPeer: the peer's environment hasn't been made.
        PeerFailed: the peer refused the model, crashed or took too long.
        UnsupportedModel: the profile has no arithmetic for a part.
    """
    walk = _Walk(subject, peer, profile, stage)
    waiting = iter(samples)
    while runs := list(islice(waiting, _RUNS_AT_A_TIME)):
        walk.take(runs)
    return walk.report()


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The first step that differs: in each run of a batch, what it read and what the peer made."""

    number: int
    operands: Sequence[Tensors]
    theirs: Sequence[Tensors]


@dataclass
class _Walk:
    """What has been found so far."""

    subject: Subject
    peer: Peer
    profile: Profile
    stage: Stage
    chain: Chain = field(init=False)
    whole: StepProgram = field(init=False)
    program: str = ""
    samples: int = 0
    reals: set[str] = field(default_factory=set[str])
    steps: dict[str, Comparison] = field(default_factory=dict[str, Comparison])
    outputs: dict[str, Comparison] = field(default_factory=dict[str, Comparison])
    evidence: _Evidence | None = None

    def __post_init__(self) -> None:
        """Lower the whole model, which says at once what has no arithmetic."""
        self.chain = Chain(self.subject, self.profile)
        self.whole = StepProgram.of(lower(self.subject.graph, self.profile))

    def take(self, runs: Sequence[Tensors]) -> None:
        """Compare some runs."""
        ours, outputs = self._compute(runs)
        answer = self._ask(runs, ours)
        whole, *alone = answer.results
        names = self.subject.outputs
        theirs_of = list(_runs_of(self.subject.returned(whole), names, len(runs)))
        for run, theirs in enumerate(theirs_of[: len(outputs)]):
            self._add(self.outputs, outputs[run], theirs, self.samples + run)
        if self.peer.about.shows_tensors:
            found = [self.subject.traced(step, whole) for step in self.subject.steps]
        else:
            found = [result.outputs for result in alone]
        for number, (step, tensors) in enumerate(zip(self.subject.steps, found, strict=True)):
            theirs_of = list(_runs_of(tensors, step.results, len(runs)))
            self.reals |= {name for name in step.results if ours[0][name].dtype.kind == "f"}
            differs = False
            for run, theirs in enumerate(theirs_of):
                mine = {name: self.subject.shown(name, ours[run][name]) for name in step.results}
                differs |= self._add(self.steps, mine, theirs, self.samples + run)
            if differs and (self.evidence is None or number < self.evidence.number):
                operands = [{name: run[name] for name in step.operands} for run in ours]
                self.evidence = _Evidence(number, operands, theirs_of)
        self.samples += len(runs)

    def report(self) -> PeerComparison:
        """All that was found."""
        divergences = tuple(self._divergences())
        if self.evidence is not None:
            profiles = self._explain(self.evidence)
            divergences = (replace(divergences[0], explained_by=profiles), *divergences[1:])
        return PeerComparison(
            model=self.subject.name,
            peer=self.peer.value,
            program=self.program,
            kernels=self.peer.about.kernels,
            profile=self.profile.name,
            samples=self.samples,
            tensors=len(self.steps),
            values=sum(comparison.values for comparison in self.steps.values()),
            divergences=divergences,
        )

    def _compute(
        self, runs: Sequence[Tensors]
    ) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
        """For each run every tensor, step by step, and the outputs of the whole.

        Where the peer shows all tensors of the whole, ours is run for the first samples alone: it
        has to give what the steps give.
        """
        needed = not self.peer.about.shows_tensors or self.samples == 0
        names = self.subject.graph.output_sources
        traces: list[dict[str, Array]] = []
        outputs: list[dict[str, Array]] = []
        with self.stage("computing here") as report:
            total, count = len(runs) * len(self.subject.steps), 0

            def done() -> None:
                nonlocal count
                count += 1
                report(count, total)

            for given in runs:
                inputs = {**given, **self.subject.state}
                traces.append(self.chain.run(inputs, done))
                if needed:
                    outputs.append(dict(zip(names, self.whole.run(inputs), strict=True)))
        return traces, outputs

    def _ask(self, runs: Sequence[Tensors], ours: Sequence[Tensors]) -> Answer:
        shows = self.peer.about.shows_tensors
        jobs = [self.subject.whole_job(runs, shows)]
        if not shows:
            if not isinstance(self.subject, CutSubject):
                raise TypeError(f"{self.peer.value} shows no tensors, and the model has no parts")
            jobs += [self.subject.step_job(step, ours) for step in self.subject.steps]
        with self.stage(f"computing in {self.peer.value}"):
            answer = run_peer(self.peer, jobs)
        self.program = answer.program
        return answer

    def _add(self, tally: dict[str, Comparison], ours: Tensors, theirs: Tensors, run: int) -> bool:
        """Count what differs in one run, and whether anything does."""
        differs = False
        for name, expected in theirs.items():
            found = compare({name: ours[name]}, {name: expected})
            if found.first is not None:
                found = replace(found, first=replace(found.first, run=run))
                differs = True
            tally[name] = tally.get(name, Comparison()) + found
        return differs

    def _divergences(self) -> Iterator[Divergence]:
        """Of the steps; if none differs, of the outputs of the whole model."""
        steps = {name: step for step in self.subject.steps for name in step.results}
        differing = {name: found for name, found in self.steps.items() if found.first}
        for name, found in (differing or self.outputs).items():
            if found.first is None:
                continue
            step = steps.get(name, Step((name,), (), "the whole model", ""))
            yield Divergence(
                tensor=name,
                op=step.op,
                node=step.node,
                sample=found.first.run,
                index=found.first.index,
                ours=found.first.found,
                theirs=found.first.expected,
                differing=found.differing,
                values=found.values,
                real=name in self.reals,
                alone=bool(differing),
            )

    def _explain(self, evidence: _Evidence) -> tuple[str, ...]:
        step = self.subject.steps[evidence.number]
        with self.stage("trying other profiles") as report:
            found = explaining_profiles(
                self.subject, step, evidence.operands, evidence.theirs, self.profile.name, report
            )
        home = self.peer.about.profile
        return tuple(sorted(found, key=lambda name: (name != home, name)))


def _runs_of(tensors: Sequence[Tensor], names: Sequence[str], runs: int) -> Iterator[Tensors]:
    """The outputs of each run, under our names for them."""
    for run in range(runs):
        yield {name: tensor.values[run] for name, tensor in zip(names, tensors, strict=True)}
