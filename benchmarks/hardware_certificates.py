# SPDX-License-Identifier: Apache-2.0
"""Certificates of whole networks: how long they take, whether they hold, whether lies are refused.

``python -m benchmarks.hardware_certificates [--json FILE]`` quantizes MobileNetV1-0.75 and ResNet20
(per channel, W8A8, min-max over 100 images), proves them in fresh processes, checks the
certificates in others, tries certificates that lie, and prints what the README quotes.  It fails
where a certificate is refused that holds, or one is believed that lies.
"""

import argparse
import copy
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median_high
from typing import Any

from benchmarks.ground_floor import quantized
from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.lower import lower_to_file
from intaglio.commands.models import LoweringOptions
from intaglio.commands.prove import check_certificate
from intaglio.commands.prove.proving import check_file
from intaglio.commands.tables import Cell, Column, Table, print_table

PROVED = ("MobileNetV1-0.75", "ResNet20")

_VERB = "from intaglio.cli import main; main()"
Claims = dict[str, Any]
Lie = tuple[str, Callable[[Claims], object]]


@dataclass(frozen=True, slots=True)
class Range:
    """The least, the median and the greatest number of bits over the layers of a network."""

    low: int
    median: int
    high: int


@dataclass(frozen=True, slots=True)
class CertificateResult:
    """What is measured of one network.

    Attributes:
        network: what the tables call it.
        sums: how many accumulators.
        channels: how many channels they have.
        prove_seconds: of `intaglio prove` in a fresh process, imports and lowering included.
        prove_processor_seconds: what it took of the processor.
        check_seconds: of `intaglio prove --check`, likewise.
        bare_check_seconds: of the checker of sums alone.
        megabytes: size of the certificate.
        holds: whether both checkers agree with it.
        lies: how many wrong certificates were tried.
        refused: how many of them were refused.
        type_only: bits that accumulators need for any weights.
        weights_known: for these weights.
        any_order: for these weights in any order.
        multiplier: bits of the smallest multipliers that change nothing.
        differing: accumulators whose output isn't the exact scale's, over all channels.
        largest_error: the largest relative error of a scale.
    """

    network: str
    sums: int
    channels: int
    prove_seconds: float
    prove_processor_seconds: float
    check_seconds: float
    bare_check_seconds: float
    megabytes: float
    holds: bool
    lies: int
    refused: int
    type_only: Range
    weights_known: Range
    any_order: Range
    multiplier: Range
    differing: int
    largest_error: float


def certificate_results(folder: Path) -> list[CertificateResult]:
    """Prove, check and deceive, with files in a folder."""
    networks = [network for network in NETWORKS if network.name in PROVED]
    models = {network.name: _lowered(network, folder) for network in networks}
    return [_result(network, folder, models) for network in networks]


def _lowered(network: Network, folder: Path) -> tuple[Path, Path]:
    """The quantized model, and its ``.intaglio`` file."""
    source = quantized(network, folder)
    lowered = source.with_suffix(".intaglio")
    lower_to_file(source, lowered, LoweringOptions())
    return source, lowered


def _result(
    network: Network, folder: Path, models: dict[str, tuple[Path, Path]]
) -> CertificateResult:
    source, lowered = models[network.name]
    certificate = folder / f"{source.stem}.json"
    proving = _timed("-c", _VERB, "prove", source, "-o", certificate, "--json")
    checking = _timed("-c", _VERB, "prove", "--check", certificate, lowered)
    bare = _timed("-m", check_certificate.__name__, certificate, lowered)
    claims: Claims = json.loads(certificate.read_text())
    layers: list[dict[str, Any]] = json.loads(proving.output)["layers"]
    others = [model for name, (_, model) in models.items() if name != network.name]
    tried = [*_lies(claims), *(("another network", None) for _ in others)]
    targets = [lowered] * (len(tried) - len(others)) + others
    refused = sum(
        _is_refused(claims, lie, folder / "lie.json", model)
        for (_, lie), model in zip(tried, targets, strict=True)
    )
    return CertificateResult(
        network.name,
        len(claims["sums"]),
        sum(len(each["bias"]) for each in claims["sums"]),
        proving.seconds,
        proving.processor_seconds,
        checking.seconds,
        bare.seconds,
        certificate.stat().st_size / 1e6,
        checking.code == bare.code == 0,
        len(tried),
        refused,
        _range(layers, "type_only"),
        _range(layers, "weights_known"),
        _range(layers, "any_order"),
        _range(layers, "multiplier_bits"),
        sum(layer["differing"] or 0 for layer in layers),
        max(layer["scale_error"] or 0.0 for layer in layers),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    code: int
    output: str
    seconds: float
    processor_seconds: float


def _timed(*arguments: object) -> _Run:
    """A fresh interpreter: exit code, standard output, and what it took."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, *map(str, arguments)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Run(ended.returncode, ended.stdout, seconds, used)


def _is_refused(
    claims: Claims, lie: Callable[[Claims], object] | None, path: Path, model: Path
) -> bool:
    """Whether a certificate is refused after ``lie`` has changed it."""
    lying = copy.deepcopy(claims)
    if lie is not None:
        lie(lying)
    path.write_text(json.dumps(lying))
    return check_file(path, model) is not None


def _lies(claims: Claims) -> Iterator[Lie]:
    """Wrong certificates, each with what is wrong, of the first, the middle and the last sum."""
    count = len(claims["sums"])
    for place in (0, count // 2, count - 1):
        for bound in ("type_only", "weights_known", "any_order"):
            for column, by in (("low", 1), ("high", -1), ("bits", -1)):
                yield f"{bound} {column}", _adding(("sums", place, bound, column, -1), by)
        yield "narrower operand", _adding(("sums", place, "operand", 1), -1)
        yield "a bias", _adding(("sums", place, "bias", 0), 1)
        yield "a layer left out", _leaving_out(("sums", place))
        yield "a channel left out", _leaving_out(("sums", place, "any_order", "bits", -1))
    for place in (0, len(claims["requantizers"]) - 1):
        smallest = ("requantizers", place, "smallest")
        yield "multiplier bits", _adding((*smallest, "bits", 0), -1)
        yield "a multiplier", _adding((*smallest, "multiplier", 0), -1)
        yield "differing", _adding(("requantizers", place, "real", "differing", 0), 1)


def _adding(path: Sequence[str | int], by: int) -> Callable[[Claims], object]:
    """What adds to one number of a document."""

    def add(lying: Claims) -> None:
        _holder(lying, path)[path[-1]] += by

    return add


def _leaving_out(path: Sequence[str | int]) -> Callable[[Claims], object]:
    """What takes one thing out of a document."""

    def leave_out(lying: Claims) -> None:
        del _holder(lying, path)[path[-1]]

    return leave_out


def _holder(claims: Claims, path: Sequence[str | int]) -> Any:
    holder: Any = claims
    for key in path[:-1]:
        holder = holder[key]
    return holder


def _range(layers: Sequence[dict[str, Any]], key: str) -> Range:
    bits: list[int] = [layer[key] for layer in layers if isinstance(layer[key], int)]
    return Range(min(bits), median_high(bits), max(bits))


def print_results(results: Sequence[CertificateResult]) -> None:
    """The README's table, then times and refusals."""
    needed: list[dict[str, Cell]] = [
        {
            "network": each.network,
            "type_only": _text(each.type_only),
            "weights_known": _text(each.weights_known),
            "any_order": _text(each.any_order),
            "multiplier": _text(each.multiplier),
        }
        for each in results
    ]
    columns = [
        Column("network", "bits over the layers of"),
        Column("type_only", "by type"),
        Column("weights_known", "these weights"),
        Column("any_order", "any order"),
        Column("multiplier", "multiplier"),
    ]
    print_table(Table("Accumulators and multipliers, by proof", tuple(columns), needed))
    skipped = {"type_only", "weights_known", "any_order", "multiplier"}
    rows = [
        {key: cell for key, cell in asdict(each).items() if key not in skipped} for each in results
    ]
    facts = [
        Column(key, key.replace("_", " "), _format(key, cell)) for key, cell in rows[0].items()
    ]
    print_table(Table("Certificates", tuple(facts), rows))


def _text(bits: Range) -> str:
    return f"{bits.low} to {bits.high}, median {bits.median}"


def _format(key: str, cell: Cell) -> str:
    if key == "largest_error":
        return ".1e"
    return ".2f" if isinstance(cell, float) else ""


def right(results: Sequence[CertificateResult]) -> bool:
    """Whether every certificate holds and every lie is refused."""
    return all(each.holds and each.refused == each.lies for each in results)


def main() -> int:
    """Measure, print, and fail where a certificate or a refusal is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    with tempfile.TemporaryDirectory() as folder:
        results = certificate_results(Path(folder))
    print_results(results)
    if arguments.json:
        figures = [asdict(each) for each in results]
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if right(results) else 1


if __name__ == "__main__":
    sys.exit(main())
