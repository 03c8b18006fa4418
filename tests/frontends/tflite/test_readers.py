# SPDX-License-Identifier: Apache-2.0
"""Each operator becomes what its reader says, and no reader says more."""

from typing import Any

import numpy as np
import pytest

from intaglio.frontends.readers import BOUND, KNOWN, TAIL
from intaglio.frontends.tflite import import_tflite
from intaglio.frontends.tflite.dispatch import READERS
from tests.frontends.rules_asked import words_of
from tests.frontends.tflite.single_operators import written
from tests.frontends.tflite.writing import Operator, OptionValue, Tensor, write
from tests.peers.tflite.draw import KINDS, Draw
from tests.peers.tflite.subjects import SUBJECTS

SHAPE = (2, 3, 4)
UNSEEN = {KNOWN, TAIL}
"""What no graph of one operator on codes shows."""

Move = tuple[str, tuple[Any, ...], tuple[int, ...], dict[str, OptionValue]]
"""Operator, constants behind its operand, shape of the result, options."""

# 0 is no constant but the operand once more.
MOVES: tuple[Move, ...] = (
    ("CONCATENATION", (0,), (4, 3, 4), {"Axis": 0}),
    ("EXPAND_DIMS", ([1],), (2, 1, 3, 4), {}),
    ("PACK", (0,), (2, 2, 3, 4), {"ValuesCount": 2}),
    ("PAD", ([[1, 0], [0, 2], [0, 0]],), (3, 5, 4), {}),
    ("RELU", (), SHAPE, {}),
    ("RELU6", (), SHAPE, {}),
    ("RELU_0_TO_1", (), SHAPE, {}),
    ("RELU_N1_TO_1", (), SHAPE, {}),
    ("RESHAPE", ([4, 6],), (4, 6), {}),
    ("SLICE", ([0, 1, 2], [2, -1, 1]), (2, 2, 1), {}),
    ("SPLIT_V", ([2], [0]), SHAPE, {"NumSplits": 1}),
    ("SQUEEZE", (), SHAPE, {}),
    ("STRIDED_SLICE", ([0, 0, 0], [2, 3, 4], [1, 1, 2]), (2, 3, 2), {}),
    ("TRANSPOSE", ([2, 0, 1],), (4, 2, 3), {}),
)
OPTIONS = {
    "CONCATENATION": "ConcatenationOptions",
    "PACK": "PackOptions",
    "SPLIT_V": "SplitVOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
}
OTHERS = {
    "PADV2",
    "RESIZE_NEAREST_NEIGHBOR",
    "SHAPE",
    "SPLIT",
    "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNPACK",
}
"""Read in ``test_moves``, ``test_importer`` and among the peers: operands of kinds of their own."""


def _found() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for subject in SUBJECTS:
        if np.int8 in subject.dtypes:
            for case in subject.cases(Draw(np.random.default_rng(0), KINDS[0], np.int8)):
                words = found.setdefault(case.operator.name, set())
                words |= words_of(import_tflite(written(case), "single"))
    return found


def test_operators_that_are_held_against_the_runtimes() -> None:
    found = _found()
    assert set(READERS) - set(found) == OTHERS | {kind for kind, *_ in MOVES}
    # Most have a fused activation as well.
    assert {kind: words - {BOUND} for kind, words in found.items()} == {
        kind: set(READERS[kind].becomes) - UNSEEN for kind in found
    }


@pytest.mark.parametrize("move", MOVES, ids=lambda move: str(move[0]))
def test_operators_that_move_or_bound_codes(move: Move) -> None:
    kind, constants, shape, options = move
    tensors = [Tensor(SHAPE)]
    operands = [0]
    for constant in constants:
        if constant == 0:
            operands.append(0)
        else:
            operands.append(len(tensors))
            tensors.append(Tensor.plain(constant))
    # In its own scale a clip asks for no rule.
    tensors.append(Tensor(shape, scales=(0.25 if kind.startswith("RELU") else 0.5,)))
    result = len(tensors) - 1
    step = Operator(kind, tuple(operands), (result,), OPTIONS.get(kind, ""), options)
    graph = import_tflite(write(tensors, [step], [0], [result]), "single")
    # Only uint8 operands of a concatenation are rescaled: see ``test_moves``.
    assert words_of(graph) - {BOUND} == set(READERS[kind].becomes) - {"joined"}
