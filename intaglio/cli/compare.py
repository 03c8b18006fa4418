# SPDX-License-Identifier: Apache-2.0
"""``intaglio compare``."""

from typing import Annotated

import typer

from intaglio.cli.options import Quiet


def compare(
    setup: Annotated[
        str | None,
        typer.Option(metavar="PEER|all", help="Make the environment of a peer, and stop."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Run a model in its home runtime and here; exit with 1 where any bit differs."""
    if setup is not None:
        _set_up(setup, quiet)


def _set_up(name: str, quiet: bool) -> None:
    from intaglio.commands.peers.catalog import environments_named
    from intaglio.commands.peers.environments import folder_of, set_up
    from intaglio.commands.progress import working

    for environment in environments_named(name):
        with working(quiet=quiet) as say:
            made = set_up(environment, say)
        print(f"{environment.value}: {'made' if made else 'is there'}, {folder_of(environment)}")
