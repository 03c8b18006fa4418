# SPDX-License-Identifier: Apache-2.0
"""Which words a machine's buses and multipliers take."""

from dataclasses import dataclass

from intaglio.numerics.integers import IntType


@dataclass(frozen=True, slots=True)
class Datapath:
    """Element types that a network may have; an empty tuple accepts all of them.

    A network with others is refused: each layer is named with the nearest type that the machine
    has.

    Attributes:
        activations: of what layers read.
        weights: of the constants of convolutions and matrix products.
        results: of what layers write.
        narrow_weights: whether weights leave out their type's lowest code, so that a signed
            multiplier never meets its one asymmetric product.
    """

    activations: tuple[IntType, ...] = ()
    weights: tuple[IntType, ...] = ()
    results: tuple[IntType, ...] = ()
    narrow_weights: bool = False


ANY_DATAPATH = Datapath()


def nearest_type(types: tuple[IntType, ...], wanted: IntType) -> IntType:
    """Of ``types`` the one that replaces ``wanted`` best.

    One of the same sign if there is any; of those the narrowest that is as wide, else the widest.
    """
    same = [type for type in types if type.signed == wanted.signed] or list(types)
    wide = [type for type in same if type.bits >= wanted.bits]
    return min(wide, key=lambda type: type.bits) if wide else max(same, key=lambda type: type.bits)
