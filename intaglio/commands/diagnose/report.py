# SPDX-License-Identifier: Apache-2.0
"""What a diagnosis says."""

from dataclasses import dataclass

from intaglio.commands.diagnose.alone import Alone
from intaglio.commands.diagnose.fidelity import Fidelity
from intaglio.commands.diagnose.watch import Use
from intaglio.commands.diagnose.weights import LayerRanges, WeightUse


@dataclass(frozen=True, slots=True)
class WeightReport:
    """The weights of one layer.

    Attributes:
        node: the layer's name.
        output: the value that it computes.
        op: its kind.
        bits: width of the codes.
        use: how much of the codes is used.
        weights: the numbers that the codes stand for against the float ones; None, as ``alone``,
            where the two networks' weights aren't the same numbers.
        alone: what these codes do to an otherwise exact network, biases included.
        together: with all layers in codes, the first value in codes behind the layer.
    """

    node: str
    output: str
    op: str
    bits: int
    use: WeightUse
    weights: Fidelity | None
    alone: Alone | None
    together: Fidelity | None


@dataclass(frozen=True, slots=True)
class ActivationReport:
    """One value that becomes codes.

    Attributes:
        name: of the value.
        op: what computes it.
        bits: width of the codes.
        use: how much of the codes is used.
        alone: what these codes do to an otherwise exact network.
        together: the value with all layers in codes; None where the networks' values aren't
            comparable.
    """

    name: str
    op: str
    bits: int
    use: Use
    alone: Alone | None
    together: Fidelity | None


@dataclass(frozen=True, slots=True)
class OutputReport:
    """What the network returns with all layers in codes, in the integer simulator.

    Attributes:
        fidelity: against the float network as it was given; of several outputs the worst.
        rewritten: what the recipe's changes to the float network alone do; None where they can't
            be told from the codes.
        same_greatest: of how many samples the first output has its greatest element where the
            float network has; None where it has a single element.
    """

    fidelity: Fidelity
    rewritten: Fidelity | None
    same_greatest: int | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything, each list with the worst first.

    Attributes:
        model: what the float model is called.
        profile: the simulator's arithmetic.
        samples: how many samples were run.
        noise: whether they were random.
        synthetic: whether the recipe made them.
        output: what the network returns.
        weights: the layers with weights.
        activations: the values in codes.
        ranges: the width of the weights' channels, in the order of the network.
        remarks: what can't be told, and why.
    """

    model: str
    profile: str
    samples: int
    noise: bool
    synthetic: bool
    output: OutputReport
    weights: tuple[WeightReport, ...]
    activations: tuple[ActivationReport, ...]
    ranges: tuple[LayerRanges, ...]
    remarks: tuple[str, ...]
