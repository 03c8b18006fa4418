# SPDX-License-Identifier: Apache-2.0
"""Lists of faults as files: CSV, words for $readmemh, lines for a SystemVerilog test bench."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from intaglio.compiler.ir.graph import Graph
from intaglio.errors import InvalidFile
from intaglio.simulator.faults import (
    Fault,
    FaultModel,
    Site,
    Storage,
    graph_hash,
    has_effect,
    storages,
)

COLUMNS = ("fault", "layer", "storage", "value", "field", "index", "bit", "width", "model")
HEADER = "# intaglio-faults-1 graph="
MOST_BYTES = 1 << 30
"""Of a list that is read: files come from anywhere."""

_STORAGES = tuple(Storage)
_MODELS = tuple(FaultModel)


def write_lists(graph: Graph, faults: Sequence[Fault], folder: Path) -> None:
    """Write ``faults.csv``, ``faults.hex``, ``places.csv`` and ``faults.svh`` into a folder."""
    sites = {_place(site): site for site in storages(graph)}
    digest = graph_hash(graph)
    _write(folder / "faults.csv", csv_text(digest, faults, sites))
    _write(folder / "faults.hex", "".join(f"{word}\n" for word in words(faults, sites)))
    _write(folder / "places.csv", places_text(sites))
    _write(folder / "faults.svh", systemverilog_text(digest, faults, sites))


def csv_text(
    digest: str, faults: Sequence[Fault], sites: Mapping[tuple[Storage, str, str], Site]
) -> str:
    """A header with the graph's hash, and a row for each fault."""
    text = io.StringIO()
    text.write(f"{HEADER}{digest}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, fault in enumerate(faults):
        layer = sites[fault.place].layer
        own = (fault.storage.value, fault.value, fault.field, fault.index, fault.bit, fault.width)
        writer.writerow((number, layer, *own, fault.model.value))
    return text.getvalue()


def words(faults: Sequence[Fault], sites: Mapping[tuple[Storage, str, str], Site]) -> Iterator[str]:
    """72 bits a line: place 16, index 32, bit 8, width 8, model 8; the place is in ``places.csv``.

    Models are 0 flip, 1 burst, 2 stuck-at-0, 3 stuck-at-1.
    """
    numbers = {place: number for number, place in enumerate(sites)}
    for fault in faults:
        model = _MODELS.index(fault.model)
        yield (
            f"{numbers[fault.place]:04x}{fault.index:08x}{fault.bit:02x}{fault.width:02x}{model:02x}"
        )


def places_text(sites: Mapping[tuple[Storage, str, str], Site]) -> str:
    """What the numbers of places stand for."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("place", "layer", "storage", "value", "field", "words", "bits"))
    for number, site in enumerate(sites.values()):
        own = (site.storage.value, site.value, site.field, site.words, site.bits)
        writer.writerow((number, site.layer, *own))
    return text.getvalue()


def systemverilog_text(
    digest: str, faults: Sequence[Fault], sites: Mapping[tuple[Storage, str, str], Site]
) -> str:
    """A call of a macro for each fault; the test bench says what forces and releases its bits."""
    lines = [
        "// intaglio-faults-1",
        f"// graph {digest}",
        "// Define INTAGLIO_FAULT(number, layer, storage, value, field, index, bit, width, model)",
        "// before this file is included, for instance as a task that forces and releases the bit.",
    ]
    for number, fault in enumerate(faults):
        layer = sites[fault.place].layer
        names = (layer, fault.storage.value, fault.value, fault.field)
        quoted = ", ".join(f'"{name}"' for name in names)
        own = f'{fault.index}, {fault.bit}, {fault.width}, "{fault.model.value}"'
        lines.append(f"`INTAGLIO_FAULT({number}, {quoted}, {own})")
    return "\n".join(lines) + "\n"


def read_list(graph: Graph, path: Path) -> tuple[Fault, ...]:
    """The faults of a CSV file that ``write_lists`` wrote, in order.

    Raises:
        InvalidFile: it can't be read, is of another graph, or a row isn't a fault of this one; the
            message names the line.
    """
    text = _read(path)
    head, _, rest = text.partition("\n")
    digest = graph_hash(graph)
    if not head.startswith(HEADER):
        raise InvalidFile(path, f"its first line isn't {HEADER}HASH", "give a list of faults")
    if head[len(HEADER) :].strip() != digest:
        raise InvalidFile(
            path,
            f"it is a list for the graph {head[len(HEADER) :].strip()[:16]}…, not {digest[:16]}…",
            "give the list that was made for this model and profile",
        )
    sites = {_place(site): site for site in storages(graph)}
    rows = csv.reader(io.StringIO(rest))
    if tuple(next(rows, ())) != COLUMNS:
        raise InvalidFile(path, "line 2 doesn't name the columns", f"write {','.join(COLUMNS)}")
    found: list[Fault] = []
    try:
        for line, row in enumerate(rows, 3):
            found.append(_fault(path, line, row, sites))
    except csv.Error as error:
        raise InvalidFile(path, f"it is no CSV file ({error})", "write the list again") from None
    for line, fault in enumerate(found, 3):
        if not has_effect(graph, fault):
            raise InvalidFile(
                path,
                f"line {line}: the fault makes a number that no machine has",
                "leave it out: such a fault isn't silent",
            )
    return tuple(found)


def _fault(
    path: Path, line: int, row: Sequence[str], sites: Mapping[tuple[Storage, str, str], Site]
) -> Fault:
    if len(row) != len(COLUMNS):
        raise _invalid(path, line, f"{len(row)} cells", f"{len(COLUMNS)}")
    cells = dict(zip(COLUMNS, row, strict=True))
    numbers: dict[str, int] = {}
    for name in ("index", "bit", "width"):
        cell = cells[name]
        if not (cell.isascii() and cell.isdigit() and len(cell) < 12):
            raise _invalid(path, line, f"{name} {cell[:20]!r}", "a number")
        numbers[name] = int(cell)
    storage = next((each for each in _STORAGES if each.value == cells["storage"]), None)
    if storage is None:
        known = ", ".join(each.value for each in _STORAGES)
        raise _invalid(path, line, f"storage {cells['storage'][:40]!r}", f"one of {known}")
    model = next((each for each in _MODELS if each.value == cells["model"]), None)
    if model is None:
        known = ", ".join(each.value for each in _MODELS)
        raise _invalid(path, line, f"model {cells['model'][:40]!r}", f"one of {known}")
    site = sites.get((storage, cells["value"], cells["field"]))
    if site is None:
        place = f"{storage.value} of {cells['value'][:60]} {cells['field'][:60]}".rstrip()
        raise _invalid(path, line, place, "a place of this graph")
    if numbers["index"] >= site.words:
        raise _invalid(path, line, f"index {numbers['index']}", f"at most {site.words - 1}")
    width = numbers["width"]
    if not 1 <= width <= site.bits - numbers["bit"]:
        found = f"bit {numbers['bit']} and width {width}"
        raise _invalid(path, line, found, f"bits within the word's {site.bits}")
    if width > 1 and model is not FaultModel.BURST:
        raise _invalid(path, line, f"width {width} of {model.value}", "1, or the model burst")
    return Fault(
        storage, cells["value"], cells["field"], numbers["index"], numbers["bit"], model, width
    )


def _invalid(path: Path, line: int, found: str, expected: str) -> InvalidFile:
    return InvalidFile(path, f"line {line}: found {found}, expected {expected}", "mend the line")


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidFile(path, "it is larger than 1 GiB", "split the list")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidFile(path, f"can't be read ({error.strerror})", "name a file") from error
    except UnicodeDecodeError:
        raise InvalidFile(path, "it is no text", "give a list of faults") from None


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _place(site: Site) -> tuple[Storage, str, str]:
    return site.storage, site.value, site.field
