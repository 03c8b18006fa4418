# SPDX-License-Identifier: Apache-2.0
"""What doesn't fit together, as a value that every rule can put into its sentence."""

from collections.abc import Iterable

from intaglio.errors import IntaglioError

Shape = tuple[int, ...]


class Mismatch(IntaglioError):
    """An op can't take its operands or attributes.

    Attributes:
        found: what is there, without an article of the op.
        expected: what must be there.
    """

    def __init__(self, found: str, expected: str) -> None:
        """Say what was found where ``expected`` was needed."""
        self.found, self.expected = found, expected
        super().__init__(f"found {found}, expected {expected}.")


def written(shape: Iterable[int]) -> str:
    """A shape as the text form writes it: ``[1,4]``."""
    return f"[{','.join(map(str, shape))}]"


def require(holds: bool, found: str, expected: str) -> None:
    """Raise ``Mismatch`` where a condition doesn't hold."""
    if not holds:
        raise Mismatch(found, expected)


def require_rank(what: str, shape: Shape, rank: int, layout: str) -> None:
    """Raise ``Mismatch`` where a shape doesn't have the layout's number of dimensions."""
    require(len(shape) == rank, f"{what} of shape {written(shape)}", f"{rank} dimensions {layout}")


def require_at_least(least: int, **attributes: Iterable[int]) -> None:
    """Raise ``Mismatch`` where a number in an attribute is below ``least``."""
    for name, values in attributes.items():
        numbers = tuple(values)
        require(
            all(number >= least for number in numbers),
            f"{name}={list(numbers)}",
            f"numbers of {least} or more",
        )


def require_axis(axis: int, shape: Shape) -> None:
    """Raise ``Mismatch`` where a shape doesn't have the axis, counted from the front."""
    require(
        0 <= axis < len(shape),
        f"axis {axis} of shape {written(shape)}",
        f"an axis from 0 to {len(shape) - 1}",
    )
