# SPDX-License-Identifier: Apache-2.0
"""Cases as models of one operator, in LiteRT or TFLite Micro."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import DescribedOperator, Job, Operand, run_peer
from intaglio.errors import MissingPeer
from tests.peers.tflite.single_op import Array, Case, Operator, Tensor


@dataclass(frozen=True, slots=True)
class Answer:
    """What the runtime computed.

    Attributes:
        program: name and version.
        results: one array a case.
        delegated: for each case, whether the delegate took the operator.
    """

    program: str
    results: tuple[Array, ...]
    delegated: tuple[bool, ...]


def run(peer: Peer, cases: Sequence[Case]) -> Answer:
    """Every case's result, from one process; the test is skipped without the environment."""
    jobs = [Job(case.label, _operator(case.operator), [_inputs(case.operator)]) for case in cases]
    try:
        answer = run_peer(peer, jobs)
    except MissingPeer as error:
        pytest.skip(str(error))
    return Answer(
        answer.program,
        tuple(result.outputs[0].values[0] for result in answer.results),
        tuple(result.delegated for result in answer.results),
    )


def _inputs(operator: Operator) -> list[Array]:
    return [operand.codes for operand in operator.operands if not operand.constant]


def _operator(operator: Operator) -> DescribedOperator:
    return DescribedOperator(
        operator.name,
        tuple(_operand(operand) for operand in operator.operands),
        (_operand(operator.result),),
        operator.options_type,
        operator.options,
    )


def _operand(tensor: Tensor) -> Operand:
    count = len(tensor.scales)
    return Operand(
        shape=tensor.codes.shape,
        dtype=tensor.codes.dtype.name,
        scales=tuple(float(np.float32(scale)) for scale in tensor.scales),
        zero_points=tensor.zero_points * (count // len(tensor.zero_points)),
        axis=tensor.axis if count > 1 else 0,
        constant=tensor.codes if tensor.constant else None,
    )
