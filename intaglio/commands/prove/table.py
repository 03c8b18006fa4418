# SPDX-License-Identifier: Apache-2.0
"""What is proved of a model, a row for each sum and each requantization."""

from collections.abc import Sequence

from intaglio.commands.prove.proving import Proof
from intaglio.commands.tables import Cell, Column, Table
from intaglio.compiler.analysis.accumulator_bits import AccumulatorBits, accumulator_report
from intaglio.compiler.analysis.requantizer_certificates import (
    RefusedRequantizer,
    RequantizerCertificate,
    multiplier_bits,
)
from intaglio.compiler.analysis.sum_certificates import RefusedSum, SumCertificate

Row = dict[str, Cell]

COLUMNS = (
    Column("layer", "layer"),
    Column("declared", "bits"),
    Column("type_only", "type"),
    Column("weights_known", "final"),
    Column("any_order", "any"),
    Column("channel", "worst"),
    Column("scale_error", "error", ".1e"),
    Column("differing", "differ"),
    Column("multiplier_bits", "same"),
    Column("real_multiplier_bits", "exact"),
)

LEGEND = (
    "bits: of the accumulator; what it needs for all inputs: type, for any weights of this type;\n"
    "  final, for the sums of these weights; any, for these in any order of adding;\n"
    "  worst: the channel that needs most\n"
    "error: the largest of a scale, beside the exact real one; differ: accumulators whose output\n"
    "  isn't that of the exact scale, rounded alike\n"
    "same: bits of the smallest multipliers that change no output; exact: of those that equal the\n"
    "  exact scale; none: no single multiply-shift does"
)


def proof_table(proof: Proof) -> Table:
    """The table that `intaglio prove` prints; JSON has more keys."""
    title = f"{proof.graph.name}, profile {proof.graph.profile or 'unknown'}"
    return Table(title, COLUMNS, rows(proof))


def rows(proof: Proof) -> list[Row]:
    """By sum, with the requantization that reads it; then requantizations of other values."""
    reading = {each.node.operands[0]: each for each in proof.requantizers}
    found: list[Row] = []
    uncertified = any(isinstance(each, RefusedSum) for each in proof.sums)
    report = accumulator_report(proof.graph) if uncertified else ()
    known = {each.name: each for each in report}
    for each in proof.sums:
        match each:
            case RefusedSum():
                row = _refused(each, known[each.node.name])
            case SumCertificate():
                row = _sum(each)
        found.append(row | _requantizer(reading.pop(each.node.name, None)))
    return found + [_no_sum(each) | _requantizer(each) for each in reading.values()]


def notes(proof: Proof) -> list[str]:
    """What is refused or unknown, a sentence each."""
    refused: Sequence[RefusedSum | RefusedRequantizer] = [
        each
        for each in (*proof.sums, *proof.requantizers)
        if isinstance(each, RefusedSum | RefusedRequantizer)
    ]
    found = [
        f"{each.node.source or each.node.name}: not certified, {each.reason}" for each in refused
    ]
    unknown: dict[str, int] = {}
    for each in proof.requantizers:
        if isinstance(each, RequantizerCertificate) and each.unknown:
            unknown[each.unknown] = unknown.get(each.unknown, 0) + 1
    return found + [
        f"{count} requantizations without their real scale: {reason}"
        for reason, count in unknown.items()
    ]


def _refused(refused: RefusedSum, known: AccumulatorBits) -> Row:
    """What the analysis knows, though nobody else can check it."""
    node = refused.node
    return {
        "layer": node.source or node.name,
        "value": node.name,
        "declared": known.declared_bits,
        "type_only": known.type_bits,
        "weights_known": known.final_bits,
        "any_order": known.any_order_bits,
        "channel": known.channel_bits.index(max(known.channel_bits)),
        "verdict": f"not certified, {refused.reason}",
    }


def _sum(certificate: SumCertificate) -> Row:
    node = certificate.node
    row: Row = {"layer": node.source or node.name, "value": node.name}
    bits = certificate.any_order.bits
    final, every = certificate.fits
    return row | {
        "declared": certificate.word.bits,
        "type_only": max(certificate.type_only.bits),
        "weights_known": max(certificate.weights_known.bits),
        "any_order": max(bits),
        "channel": bits.index(max(bits)),
        "verdict": "all sums fit" if every else "final sums fit" if final else "overflows",
    }


def _no_sum(certificate: RequantizerCertificate | RefusedRequantizer) -> Row:
    node = certificate.node
    row: Row = {"layer": node.source or node.name, "value": node.name}
    return row | dict.fromkeys(
        ("declared", "type_only", "weights_known", "any_order", "channel", "verdict")
    )


def _requantizer(certificate: RequantizerCertificate | RefusedRequantizer | None) -> Row:
    empty: Row = dict.fromkeys(
        ("scale_error", "differing", "multiplier_bits", "real_multiplier_bits")
    )
    if not isinstance(certificate, RequantizerCertificate):
        return empty
    empty["multiplier_bits"] = _bits(multiplier_bits(certificate.smallest))
    if certificate.real is None:
        return empty
    return empty | {
        "scale_error": float(max(certificate.real.errors)),
        "differing": sum(certificate.real.differing),
        "real_multiplier_bits": _bits(multiplier_bits(certificate.real.smallest)),
    }


def _bits(bits: int | None) -> Cell:
    return "none" if bits is None else bits
