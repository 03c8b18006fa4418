# SPDX-License-Identifier: Apache-2.0
"""Which other profile gives what the peer computed."""

from collections.abc import Callable, Sequence

from intaglio.commands.compare.chain import StepProgram
from intaglio.commands.compare.subject import Step, Subject, Tensors
from intaglio.commands.engines import compare
from intaglio.compiler.pipeline import lower
from intaglio.errors import InvalidData, InvalidGraph, InvalidProfile, UnsupportedModel
from intaglio.numerics.profile import load_profile, profile_names


def explaining_profiles(
    subject: Subject,
    step: Step,
    operands: Sequence[Tensors],
    theirs: Sequence[Tensors],
    besides: str,
    done: Callable[[int, int | None], None],
) -> tuple[str, ...]:
    """The shipped profiles under which the step alone equals the peer in every run.

    Args:
        subject: the model.
        step: the part of it that differs.
        operands: for each run, what it reads.
        theirs: for each run, what the peer made of it.
        besides: the profile that differs.
        done: called with profiles tried and their total.
    """
    graph = subject.step_graph(step, operands[0])
    names = [name for name in profile_names() if name != besides]
    found: list[str] = []
    for number, name in enumerate(names, 1):
        try:
            program = StepProgram.of(lower(graph, load_profile(name)))
            if all(
                _equal(subject, step, program, given, expected)
                for given, expected in zip(operands, theirs, strict=True)
            ):
                found.append(name)
        except (InvalidData, InvalidGraph, InvalidProfile, UnsupportedModel):
            pass  # no arithmetic for this op, or none for these values
        done(number, len(names))
    return tuple(found)


def _equal(
    subject: Subject, step: Step, program: StepProgram, operands: Tensors, expected: Tensors
) -> bool:
    computed = zip(step.results, program.run(operands), strict=True)
    ours = {name: subject.shown(name, array) for name, array in computed}
    return compare(ours, expected).first is None
