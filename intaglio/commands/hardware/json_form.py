# SPDX-License-Identifier: Apache-2.0
"""Explanations for scripts."""

from collections.abc import Iterable
from dataclasses import asdict

from intaglio.commands.hardware.explain import RuleExplanation, Stage
from intaglio.commands.hardware.requirements import NetworkRequirements
from intaglio.numerics.equations import definitions
from intaglio.numerics.profile import Profile


def profile_facts(profile: Profile, rules: tuple[RuleExplanation, ...]) -> dict[str, object]:
    """Every rule, and the functions that its equations call."""
    return {
        "profile": profile.name,
        "rules": [
            {
                "place": rule.place,
                "ops": list(rule.ops),
                "method": rule.method,
                "fields": dict(rule.fields),
                "refusal": rule.refusal or None,
                "stages": [_stage(stage) for stage in rule.stages],
            }
            for rule in rules
        ],
        "definitions": _definitions(stage for rule in rules for stage in rule.stages),
    }


def network_facts(profile: Profile, found: NetworkRequirements) -> dict[str, object]:
    """Every layer with its equations and the constants of each channel."""
    return {
        "profile": profile.name,
        "layers": [
            {
                "name": layer.name,
                **_stage(layer.stage),
                "ranges": {name: list(ends) for name, ends in layer.ranges().items()},
                "accumulator": None if layer.accumulator is None else asdict(layer.accumulator),
                "product_bits": layer.product_bits,
            }
            for layer in found.layers
        ],
        "unused_rules": list(found.unused),
        "idle_fields": None if found.idle is None else list(found.idle),
        "definitions": _definitions(layer.stage for layer in found.layers),
    }


def _stage(stage: Stage) -> dict[str, object]:
    return {
        "op": stage.op,
        "type": stage.type,
        "forms": [
            {
                "statements": list(form.statements),
                "channels": list(form.channels) or None,
                "constants": {name: list(values) for name, values in form.constants.items()},
            }
            for form in stage.forms
        ],
        "table": None if stage.errors is None else asdict(stage.errors),
    }


def _definitions(stages: Iterable[Stage]) -> list[str]:
    lines = [line for stage in stages for form in stage.forms for line in form.statements]
    return list(definitions(lines))
