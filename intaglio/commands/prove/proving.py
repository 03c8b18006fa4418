# SPDX-License-Identifier: Apache-2.0
"""Prove a model's sums and requantizers, write the certificate, and check one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from intaglio.commands.models import (
    EXTENSION,
    LoweringOptions,
    default_profile,
    import_file,
    named,
    open_fixed,
)
from intaglio.commands.output_files import require_writable, whole_file
from intaglio.commands.prove import check_certificate
from intaglio.commands.prove.check_requantizers import check_requantizers
from intaglio.commands.prove.document import VERSION, document
from intaglio.compiler.analysis.real_scales import real_scales
from intaglio.compiler.analysis.requantizer_certificates import (
    RefusedRequantizer,
    RequantizerCertificate,
    requantizer_certificates,
)
from intaglio.compiler.analysis.sum_certificates import (
    RefusedSum,
    SumCertificate,
    sum_certificates,
)
from intaglio.compiler.ir.file import load
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.pipeline import lower
from intaglio.errors import IntaglioError, InvalidFile
from intaglio.numerics.profile import load_profile

MOST_BYTES = 1 << 28
"""Of a certificate."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proved of one model.

    Attributes:
        graph: the fixed graph.
        sums: of every sum, in order.
        requantizers: of every requantization, in order.
    """

    graph: Graph
    sums: tuple[SumCertificate | RefusedSum, ...]
    requantizers: tuple[RequantizerCertificate | RefusedRequantizer, ...]


def prove_file(path: Path, options: LoweringOptions, output: Path | None = None) -> Proof:
    """Prove what can be proved of a model, and write its certificate if there is an ``output``.

    Args:
        path: an ``.intaglio`` file, which holds no real scales any more, or a quantized model.
        options: how to lower a quantized model.
        output: the JSON file to write, whole or not at all.

    Raises:
        InvalidFile: a file can't be read or written, or the model is a float one.
        InvalidOption: an option doesn't fit the file.
        UnsupportedModel: parts of the model have no integer form.
    """
    if output is not None:
        require_writable(output)
        if output.exists() and path.exists() and output.samefile(path):
            raise InvalidFile(output, "it is the model itself", "name another file to write")
    proof = prove(*_graph_and_scales(path, options))
    if output is not None:
        text = json.dumps(document(proof.graph, proof.sums, proof.requantizers))
        with whole_file(output) as partial:
            partial.write_text(text + "\n", encoding="ascii")
    return proof


def prove(graph: Graph, scales: Mapping[str, tuple[Fraction, ...]]) -> Proof:
    """Prove what can be proved of a fixed graph; see ``real_scales`` for the scales."""
    sums = sum_certificates(graph)
    return Proof(graph, sums, requantizer_certificates(graph, sums, scales))


def check_file(certificate: Path, model: Path) -> str | None:
    """Derive a certificate's claims again, by other means, from the graph that it speaks of.

    Returns:
        None where the certificate holds; else what is wrong with it.

    Raises:
        InvalidFile: the certificate isn't one of a known version, or the model no intact
            ``.intaglio`` file.
    """
    claims = _read(certificate)
    graph = load(model)
    try:
        check_certificate.check(claims, str(model))
        check_requantizers(claims, graph)
    except ValueError as error:
        return str(error)
    except (ArithmeticError, AttributeError, IntaglioError, LookupError, TypeError) as error:
        return f"it isn't of the form that a certificate has ({type(error).__name__}: {error})"
    return None


def _graph_and_scales(
    path: Path, options: LoweringOptions
) -> tuple[Graph, Mapping[str, tuple[Fraction, ...]]]:
    if path.suffix == EXTENSION:
        return open_fixed(path, options), {}
    profile = load_profile(options.profile or default_profile(path))
    source = import_file(path, options)
    with named(path):
        return lower(source, profile), real_scales(source)


def _read(path: Path) -> dict[str, Any]:
    advice = "make it with `intaglio prove MODEL -o certificate.json`"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidFile(path, f"it has more than {MOST_BYTES} bytes", advice)
        claims: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFile(path, f"it can't be read ({error.strerror or error})", advice) from error
    except (ValueError, RecursionError) as error:
        raise InvalidFile(path, "it is no JSON", advice) from error
    match claims:
        case {"certificate": int(version)} if version == VERSION:
            return cast("dict[str, Any]", claims)
        case _:
            raise InvalidFile(path, f"it is no certificate of version {VERSION}", advice)
