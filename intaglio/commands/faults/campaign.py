# SPDX-License-Identifier: Apache-2.0
"""Inject faults one at a time, chunk by chunk; finished chunks may be kept and taken up again."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import cast

import numpy as np

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.data import Dataset
from intaglio.commands.output_files import whole_file
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.errors import InvalidData, InvalidFile
from intaglio.simulator.faults import Fault, FaultyRuns, Outcome, graph_hash

CHUNK = 64
"""Faults whose outcomes are kept together."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class CampaignOptions:
    """How a campaign runs.

    Attributes:
        cache: a folder that keeps finished chunks; None keeps nothing.
    """

    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What became of every fault.

    Attributes:
        graph: the graph's name.
        digest: its hash.
        samples: how many samples each fault met.
        faults: in the order of the list.
        outcomes: of each.
        seconds: what the injection took, without what was taken up from the cache.
        taken_up: how many faults' outcomes came from the cache.
    """

    graph: str
    digest: str
    samples: int
    faults: tuple[Fault, ...]
    outcomes: tuple[Outcome, ...]
    seconds: float
    taken_up: int


def run_campaign(
    graph: Graph,
    dataset: Dataset,
    faults: Sequence[Fault],
    options: CampaignOptions,
    progress: Progress = lambda done, total: None,
) -> Campaign:
    """Inject every fault into the run of every sample.

    Args:
        graph: a fixed graph.
        dataset: the samples; all their values are kept in memory.
        faults: each by itself.
        options: see there.
        progress: called with the faults done and their number.

    Raises:
        InvalidData: the data doesn't fit the graph, or is empty.
        InvalidFile: the cache can't be written.
    """
    feeds: list[dict[str, Array]] = []
    used: list[int] = []
    for batch in dataset.batches(batch_of(graph)):
        feeds.append(graph_feeds(graph, batch.inputs))
        used.append(len(batch))
    if not feeds:
        raise InvalidData("data", "no samples", "at least one", "give samples")
    digest = graph_hash(graph)
    key = _key(digest, feeds, used)
    start = time.perf_counter()
    runs: FaultyRuns | None = None
    outcomes: list[Outcome] = []
    taken_up = 0
    for first in range(0, len(faults), CHUNK):
        progress(first, len(faults))
        chunk = faults[first : first + CHUNK]
        place = _place(options.cache, key, chunk)
        known = None if place is None else _taken_up(place, len(chunk), sum(used))
        if known is not None:
            taken_up += len(chunk)
            outcomes.extend(known)
            continue
        runs = runs or FaultyRuns(graph, feeds)
        found = [runs.outcome(fault, used) for fault in chunk]
        if place is not None:
            with whole_file(place) as partial:
                partial.write_text(json.dumps([astuple(each) for each in found]), "utf-8")
        outcomes.extend(found)
    progress(len(faults), len(faults))
    return Campaign(
        graph.name,
        digest,
        sum(used),
        tuple(faults),
        tuple(outcomes),
        time.perf_counter() - start,
        taken_up,
    )


def _key(digest: str, feeds: Sequence[Mapping[str, Array]], used: Sequence[int]) -> str:
    """What outcomes depend on beside the faults."""
    total = hashlib.sha256(f"{digest} {list(used)}".encode())
    for feed in feeds:
        for name in sorted(feed):
            array = np.ascontiguousarray(feed[name])
            total.update(f"{name} {array.dtype.str} {array.shape}".encode())
            total.update(array.tobytes())
    return total.hexdigest()


def _place(cache: Path | None, key: str, chunk: Sequence[Fault]) -> Path | None:
    if cache is None:
        return None
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidFile(cache, f"can't be made ({error.strerror})", "name a folder") from error
    rows = [
        (f.storage.value, f.value, f.field, f.index, f.bit, f.width, f.model.value) for f in chunk
    ]
    text = json.dumps([key, rows])
    return cache / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def _taken_up(place: Path, count: int, samples: int) -> list[Outcome] | None:
    """The outcomes of a finished chunk; None where there is none, or no whole one."""
    try:
        rows: object = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    found: list[Outcome] = []
    for row in cast("list[object]", rows) if isinstance(rows, list) else []:
        match row:
            case [int(all_), int(masked), int(changed), int(critical), int(detected)]:
                found.append(Outcome(all_, masked, changed, critical, detected))
            case _:
                return None
    whole = len(found) == count and all(
        each.samples == samples == each.masked + each.changed + each.detected for each in found
    )
    return found if whole else None
