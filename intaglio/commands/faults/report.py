# SPDX-License-Identifier: Apache-2.0
"""A campaign for people, for scripts, and as files."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from intaglio.commands.faults.campaign import Campaign
from intaglio.commands.faults.lists import write_lists
from intaglio.commands.faults.rates import Group, Rate, by_storage, critical_bits
from intaglio.commands.output_files import whole_folder
from intaglio.commands.tables import Cell, Column, Table
from intaglio.compiler.ir.graph import Graph


def storage_table(campaign: Campaign) -> Table:
    """A row for each kind of storage: shares of runs, and of faults with their interval."""
    columns = (
        Column("storage", "storage"),
        Column("faults", "faults", ","),
        Column("masked", "masked %", ".2f"),
        Column("changed", "changed %", ".2f"),
        Column("critical", "critical %", ".2f"),
        Column("detected", "detected %", ".2f"),
        Column("interval", "critical faults %, 95 %"),
    )
    title = f"faults in {campaign.graph}, {campaign.samples} samples each"
    return Table(title, columns, [_storage_row(group) for group in by_storage(campaign)])


def ranking_table(graph: Graph, campaign: Campaign, most: int) -> Table:
    """The most critical bits."""
    columns = (
        Column("layer", "layer"),
        Column("storage", "storage"),
        Column("bit", "bit"),
        Column("faults", "faults", ","),
        Column("critical", "critical", ","),
        Column("changed", "changed", ","),
        Column("interval", "critical %, 95 %"),
    )
    rows = [_ranking_row(graph, group) for group in critical_bits(graph, campaign)[:most]]
    return Table("critical bits", columns, rows)


def campaign_facts(graph: Graph, campaign: Campaign) -> dict[str, Any]:
    """The campaign as JSON has it, every group."""
    return {
        "graph": campaign.graph,
        "graph_sha256": campaign.digest,
        "samples": campaign.samples,
        "faults": len(campaign.faults),
        "taken_up": campaign.taken_up,
        "seconds": campaign.seconds,
        "storages": [
            {"storage": group.names[0], **_facts(group)} for group in by_storage(campaign)
        ],
        "critical_bits": [
            {
                "layer": group.names[0],
                "storage": group.names[1],
                "bit": int(group.names[2]),
                **_facts(group),
            }
            for group in critical_bits(graph, campaign)
        ],
    }


def write_campaign(graph: Graph, campaign: Campaign, output: Path) -> None:
    """Write the lists of faults, ``outcomes.csv`` and ``report.json`` into a new folder.

    Raises:
        InvalidFile: something stands at ``output``, or it can't be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("fault", "samples", "masked", "changed", "critical", "detected"))
    for number, each in enumerate(campaign.outcomes):
        row = (each.samples, each.masked, each.changed, each.critical, each.detected)
        writer.writerow((number, *row))
    facts = campaign_facts(graph, campaign)
    # Equal campaigns make equal files.
    del facts["seconds"], facts["taken_up"]
    with whole_folder(output) as partial:
        write_lists(graph, campaign.faults, partial)
        (partial / "outcomes.csv").write_text(text.getvalue(), "utf-8", newline="\n")
        report = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
        (partial / "report.json").write_text(report, "utf-8", newline="\n")


def _storage_row(group: Group) -> dict[str, Cell]:
    outcome = group.outcome
    total = outcome.samples or 1
    return {
        "storage": group.names[0],
        "faults": group.faults,
        "masked": 100 * outcome.masked / total,
        "changed": 100 * outcome.changed / total,
        "critical": 100 * outcome.critical / total,
        "detected": 100 * outcome.detected / total,
        "interval": f"{100 * group.critical.share:.1f} ({_interval(group.critical)})",
    }


def _ranking_row(graph: Graph, group: Group) -> dict[str, Cell]:
    layer, storage, bit = group.names
    source = graph.definitions[layer].source
    return {
        "layer": source or layer,
        "storage": storage,
        "bit": int(bit),
        "faults": group.faults,
        "critical": group.critical.count,
        "changed": group.changed.count,
        "interval": _interval(group.critical),
    }


def _interval(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _facts(group: Group) -> dict[str, Any]:
    outcome = group.outcome
    return {
        "faults": group.faults,
        "runs": outcome.samples,
        "masked": outcome.masked,
        "changed": outcome.changed,
        "critical": outcome.critical,
        "detected": outcome.detected,
        "critical_faults": group.critical.count,
        "critical_faults_95": list(group.critical.interval),
        "changed_faults": group.changed.count,
        "changed_faults_95": list(group.changed.interval),
    }
