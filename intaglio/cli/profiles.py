# SPDX-License-Identifier: Apache-2.0
"""``intaglio profiles``."""

from typing import Annotated

import typer

from intaglio.cli.options import Json


def profiles(
    show: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Print this profile's TOML.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the arithmetics that are shipped, each a machine's or a runtime's."""
    import json

    from intaglio.commands.profiles import list_profiles, profile_text
    from intaglio.commands.tables import Column, Table, print_table

    if show is not None:
        print(profile_text(show), end="")
        return
    found = list_profiles()
    if as_json:
        facts = [
            {"name": each.name, "title": each.title, "checked_against": each.checked_against}
            for each in found
        ]
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    columns = (Column("name", "profile"), Column("title", "arithmetic"))
    print_table(
        Table("profiles", columns, [{"name": each.name, "title": each.title} for each in found])
    )
