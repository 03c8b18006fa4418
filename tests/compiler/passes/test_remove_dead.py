# SPDX-License-Identifier: Apache-2.0
"""What no output depends on goes; the interface stays."""

from intaglio.compiler.passes.remove_dead import remove_dead
from tests.compiler.passes.equality import rewritten


def test_dead_nodes_and_constants_go_and_inputs_stay() -> None:
    found = rewritten(
        remove_dead,
        """
        graph example fixed
        %x: i8[1] = input
        %unread: i8[1] = input
        %k: i8[1] = constant [1]
        %dead: i9[1] = add(%x, %k)
        %more: i10[1] = add(%dead, %k)
        %y: i9[1] = add(%x, %x)
        return %y
        """,
    )
    assert found.splitlines() == [
        "graph example fixed",
        "%x: i8[1] = input",
        "%unread: i8[1] = input",
        "%y: i9[1] = add(%x, %x)",
        "return %y",
    ]
