# SPDX-License-Identifier: Apache-2.0
"""A profile of few lines: what it doesn't say is that of a shipped profile, its ``base``.

Done on the parsed TOML, before it is read, so that what comes out is a profile like any other.

- A plain key of the file replaces the base's.
- Rules of the file stand before the base's of the same table; what stands behind a rule without
  ``when`` is left out, since no op gets there.
- ``every`` changes the base's rules: ``every.TABLE`` sets fields of every rule of that table, and
  ``every.scheme`` replaces the scheme wherever one stands.
"""

from collections.abc import Mapping
from typing import cast

from intaglio.errors import InvalidProfile
from intaglio.numerics.profile.profile import RULE_OPS
from intaglio.numerics.profile.schema import Tree, shortened

Table = dict[str, Tree]

_OWN = ("schema", "name", "title", "checked_against")
"""What a base doesn't hand on: a changed profile has been checked against nothing."""
_SCHEMES = ("scheme", "remainder")


def with_base(file: Table, base: Mapping[str, Tree], profile: str) -> Table:
    """The whole profile that ``file`` means.

    Args:
        file: the parsed TOML, ``base`` taken out.
        base: the parsed TOML of the base.
        profile: what errors call the file.

    Raises:
        InvalidProfile: ``every`` isn't a table of what it may change.
    """
    every = _every(file.pop("every", {}), profile)
    whole: Table = {"checked_against": []}
    whole |= {key: value for key, value in base.items() if key not in _OWN}
    for table in RULE_OPS:
        inherited = [_changed(rule, table, every) for rule in _rules(base.get(table))]
        own = file.get(table, [])
        # What isn't a list is refused where it is read.
        whole[table] = _reachable([*own, *inherited]) if isinstance(own, list) else own
    return whole | {key: value for key, value in file.items() if key not in RULE_OPS}


def _every(found: Tree, profile: str) -> Mapping[str, Mapping[str, Tree]]:
    known = ("scheme", *RULE_OPS)
    if not isinstance(found, Mapping):
        raise InvalidProfile(profile, "every", shortened(found), "a table")
    for key, value in found.items():
        if key not in known:
            raise InvalidProfile(
                profile, f"every.{key}", "an unknown key", f"one of {', '.join(known)}"
            )
        if not isinstance(value, Mapping):
            raise InvalidProfile(profile, f"every.{key}", shortened(value), "a table")
    return cast(Mapping[str, Mapping[str, Tree]], found)


def _rules(found: Tree | None) -> list[Table]:
    return cast(list[Table], found) if isinstance(found, list) else []


def _changed(rule: Table, table: str, every: Mapping[str, Mapping[str, Tree]]) -> Tree:
    scheme = every.get("scheme")
    changed = rule if scheme is None else _with_scheme(rule, scheme)
    return {**cast(Table, changed), **every.get(table, {})}


def _with_scheme(tree: Tree, scheme: Mapping[str, Tree]) -> Tree:
    if not isinstance(tree, Mapping):
        return tree
    return {
        key: scheme if key in _SCHEMES else _with_scheme(value, scheme)
        for key, value in tree.items()
    }


def _reachable(rules: list[Tree]) -> list[Tree]:
    for index, rule in enumerate(rules):
        if isinstance(rule, Mapping) and not rule.get("when"):
            return rules[: index + 1]
    return rules
