# SPDX-License-Identifier: Apache-2.0
"""Which faults to inject: a list that depends on the graph, the seed and the count alone."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from intaglio.compiler.ir.graph import Graph
from intaglio.errors import InvalidOption
from intaglio.simulator.faults.effects import has_effect
from intaglio.simulator.faults.sites import (
    Fault,
    FaultModel,
    Site,
    Storage,
    graph_hash,
    storages,
)


def sample_faults(
    graph: Graph,
    kinds: Sequence[Storage],
    model: FaultModel,
    count: int,
    seed: int,
    width: int = 1,
) -> tuple[Fault, ...]:
    """``count`` different faults of each kind of storage, every bit of it equally likely.

    Drawn from SHA-256 of the graph's hash, the seed, the kind and a running number, so that the
    list is the same everywhere and for ever.  A kind with no more bits gives all of them.

    Args:
        graph: a fixed graph.
        kinds: of storage; those that the graph doesn't have give nothing.
        model: what happens to the bits.
        count: how many of each kind.
        seed: any integer.
        width: of a burst, how many bits flip together; fewer at the top of a word.

    Raises:
        InvalidOption: the width isn't 1 for a model of one bit, or isn't positive.
    """
    if width < 1 or (width > 1) != (model is FaultModel.BURST):
        raise InvalidOption(
            "burst width",
            width,
            f"doesn't go with the model {model.value}",
            "give 2 or more bits for a burst, and none for other models",
        )
    sites = storages(graph)
    digest = graph_hash(graph)
    found: list[Fault] = []
    for kind in kinds:
        rows = [site for site in sites if site.storage is kind]
        key = f"{digest} {seed} {kind.value} {model.value} {width}"
        found.extend(_of_kind(graph, rows, model, count, key, width))
    return tuple(found)


def _of_kind(
    graph: Graph, rows: Sequence[Site], model: FaultModel, count: int, key: str, width: int
) -> Iterator[Fault]:
    ends = list(accumulate(site.population for site in rows))
    population = ends[-1] if ends else 0
    given = 0
    for place in _places(population, key):
        if given == count:
            return
        row = bisect_right(ends, place)
        site = rows[row]
        word, bit = divmod(place - (ends[row] - site.population), site.bits)
        fault = Fault(
            site.storage, site.value, site.field, word, bit, model, min(width, site.bits - bit)
        )
        if not has_effect(graph, fault):
            continue
        given += 1
        yield fault


def _places(population: int, key: str) -> Iterator[int]:
    """Every place once, in an order that the key alone decides."""
    swapped: dict[int, int] = {}
    for number in range(population):
        # A Fisher-Yates shuffle that remembers only what it has moved.
        digest = hashlib.sha256(f"{key} {number}".encode()).digest()
        other = number + int.from_bytes(digest, "big") % (population - number)
        chosen = swapped.get(other, other)
        swapped[other] = swapped.get(number, number)
        yield chosen
