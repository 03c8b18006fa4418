# SPDX-License-Identifier: Apache-2.0
"""What verbs print on standard output: sentences for people, JSON for scripts."""

import json
from collections.abc import Mapping
from typing import Any


def print_facts(facts: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    """Print a result: the facts as one JSON object, or the sentence."""
    print(json.dumps(facts, indent=2, allow_nan=False) if as_json else sentence)
