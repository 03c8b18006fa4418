# SPDX-License-Identifier: Apache-2.0
"""What a comparison with a peer found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Divergence:
    """A tensor that differs.

    Attributes:
        tensor: its name in the user's model.
        op: the operators that compute it, in a few words.
        node: which of the model's nodes that is; may be empty.
        sample: the first run in which it differs, from 0.
        index: the first element that differs there.
        ours: what we compute.
        theirs: what the peer computes.
        differing: how many values differ, over all runs.
        values: how many there are.
        real: whether it holds reals: a float function behind the last integers.
        alone: whether the step differs when it runs alone on the same inputs; False where only
            the whole model shows the difference.
        explained_by: other profiles under which the step gives the peer's values.
    """

    tensor: str
    op: str
    node: str
    sample: int
    index: tuple[int, ...]
    ours: str
    theirs: str
    differing: int
    values: int
    real: bool = False
    alone: bool = True
    explained_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerComparison:
    """A model here and in a peer.

    Attributes:
        model: the file's name.
        peer: the peer's name on the command line.
        program: what ran, such as ``onnxruntime 1.31.1``.
        kernels: which of its kernels.
        profile: our arithmetic.
        samples: how many runs.
        tensors: how many tensors were compared.
        values: how many values, over all runs.
        divergences: the tensors that differ, in the model's order.
    """

    model: str
    peer: str
    program: str
    kernels: str
    profile: str
    samples: int
    tensors: int
    values: int
    divergences: tuple[Divergence, ...]
