# SPDX-License-Identifier: Apache-2.0
"""A certificate as a JSON document: columns by channel, of bounded size."""

import hashlib
from collections.abc import Sequence
from typing import Any

from intaglio.compiler.analysis.requantizer_certificates import (
    AgainstReal,
    Multipliers,
    RefusedRequantizer,
    RequantizerCertificate,
)
from intaglio.compiler.analysis.sum_certificates import Bounds, RefusedSum, SumCertificate
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import print_graph

VERSION = 1


def document(
    graph: Graph,
    sums: Sequence[SumCertificate | RefusedSum],
    requantizers: Sequence[RequantizerCertificate | RefusedRequantizer],
) -> dict[str, Any]:
    """The certificate of a graph."""
    return {
        "certificate": VERSION,
        "name": graph.name,
        "profile": graph.profile,
        "graph": hashlib.sha256(print_graph(graph).encode("ascii")).hexdigest(),
        "sums": [_sum(each) for each in sums],
        "requantizers": [_requantizer(each) for each in requantizers],
    }


def _sum(certificate: SumCertificate | RefusedSum) -> dict[str, Any]:
    value = certificate.node.name
    if isinstance(certificate, RefusedSum):
        refused = "no bounds of its accumulator, its weights or its bias"
        return {"value": value, "refused": refused}
    return {
        "value": value,
        "op": certificate.op,
        "operand": [certificate.operand.low, certificate.operand.high],
        "operand_from": certificate.operand_from,
        "weights": certificate.weights,
        "bias": list(certificate.bias),
        "signed": [list(each) for each in certificate.signed],
        "type_only": _bounds(certificate.type_only),
        "weights_known": _bounds(certificate.weights_known),
        "any_order": _bounds(certificate.any_order),
        "fits": list(certificate.fits),
    }


def _bounds(bounds: Bounds) -> dict[str, list[int]]:
    return {"low": list(bounds.low), "high": list(bounds.high), "bits": list(bounds.bits)}


def _requantizer(certificate: RequantizerCertificate | RefusedRequantizer) -> dict[str, Any]:
    value = certificate.node.name
    if isinstance(certificate, RefusedRequantizer):
        return {"value": value, "refused": certificate.reason}
    return {
        "value": value,
        "reachable": {
            "low": [each.low for each in certificate.reachable],
            "high": [each.high for each in certificate.reachable],
        },
        "smallest": _multipliers(certificate.smallest),
        "real": None if certificate.real is None else _real(certificate.real),
    }


def _real(real: AgainstReal) -> dict[str, Any]:
    return {
        "scale": [str(each) for each in real.scales],
        "relative_error": [str(each) for each in real.errors],
        "differing": list(real.differing),
        "smallest": _multipliers(real.smallest),
    }


def _multipliers(each: Multipliers) -> dict[str, Any]:
    """Columns; null where a channel has none."""
    return {
        "bits": [None if one is None else abs(one.multiplier).bit_length() for one in each],
        "multiplier": [None if one is None else one.multiplier for one in each],
        "shift": [None if one is None else one.shift for one in each],
        "rounding": [None if one is None else one.rounding.value for one in each],
    }
