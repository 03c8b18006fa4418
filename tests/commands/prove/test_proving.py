# SPDX-License-Identifier: Apache-2.0
"""Certificates hold for their own model, and no lie in one is believed."""

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.commands.models import LoweringOptions
from intaglio.commands.prove import check_certificate, read_model
from intaglio.commands.prove.document import document
from intaglio.commands.prove.proving import check_file, prove, prove_file
from intaglio.commands.prove.table import notes, rows
from intaglio.compiler.analysis.requantizer_certificates import RefusedRequantizer
from intaglio.compiler.analysis.sum_certificates import RefusedSum
from intaglio.compiler.ir.file import save
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.errors import InvalidFile
from tests.compiler.ir.every_op import FIXED
from tests.simulator.random_graphs import Case, cases

NETWORK = """
    graph small fixed profile="single-rounding"
    %x: u8[1,6,6,3] = input
    %w: i4[2,3,3,3] = constant [{weights}]
    %b: i16[2] = constant [300, -77]
    %s: i8[4,2] = constant [5, -3, 2, 7, -8, 1, 0, 4]
    %t: i4[2,1,1,2] = constant [3, -2, 1, -5]
    %a: i20[1,6,6,2] = conv2d(%x, %w, %b) accumulator=accumulator(type=i20) pads=[1, 1, 1, 1]
        input_zero_point=5 weight_zero_points=[1, -1] pad_value=9
    %r: u8[1,6,6,2] = requantize(%a) requantizers=2 * requantizer(scaling=multiply_shift(
        multiplier={{1518500250, 1073741825}}, shift={{38, 37}}, rounding=half-toward-positive),
        zero_point=3, low={{3, 4}}, high={{200, 190}})
    %p: u8[1,2,2,2] = max_pool2d(%r) kernel=[2, 2] strides=[4, 4]
    %u: i16[1,2,2,2] = conv_transpose2d(%p, %t) accumulator=accumulator(type=i16,
        overflow=saturate) input_zero_point=2
    %q: i8[1,2,2,2] = requantize(%u) requantizers=[requantizer(scaling=double_rounding(
        multiplier=1717986918, shift=-4, ties=half-away-from-zero), zero_point=-5, low=-128,
        high=99)]
    %c: i8[2,4] = reshape(%q)
    %m: i14[2,2] = mat_mul(%c, %s) accumulator=accumulator(type=i14,
        overflow=saturate-each-add) left_zero_point=-5
    %n: i16[2] = reduce_sum(%c) accumulator=accumulator(type=i16) axes=[1] keep_dimensions=false
        input_zero_point=-5
    %o: i8[2] = requantize(%n) requantizers=[requantizer(scaling=rational_multiply(numerator=1,
        denominator=4, rounding=half-even), zero_point=0, low=-128, high=127)]
    return %m, %o
"""
SCALES = {"a": (Fraction(1, 181), Fraction(1, 128)), "n": (Fraction(1, 4),)}


def network(first: int = 0) -> Graph:
    weights = [first, *((index * 7) % 16 - 8 for index in range(1, 54))]
    return parse_graph(NETWORK.format(weights=", ".join(map(str, weights))))


def verdict(claims: Any, model: Path) -> str | None:
    certificate = model.with_suffix(".json")
    certificate.write_text(json.dumps(claims), encoding="ascii")
    return check_file(certificate, model)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proof") / "small.intaglio"
    save(network(), path)
    return path


@pytest.fixture(scope="module")
def claims(model: Path) -> dict[str, Any]:
    """A certificate that holds, with real scales."""
    proof = prove(network(), SCALES)
    found: dict[str, Any] = json.loads(
        json.dumps(document(proof.graph, proof.sums, proof.requantizers))
    )
    assert verdict(found, model) is None
    assert [each["real"] is None for each in found["requantizers"]] == [False, True, False]
    return found


def integers(claims: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a document holds whole numbers or truths."""
    if isinstance(claims, int):
        yield path
        return
    parts: Any = claims
    keys: list[Any] = []
    if isinstance(claims, dict):
        keys = [*parts]
    if isinstance(claims, list):
        keys = [*range(len(parts))]
    for key in keys:
        yield from integers(claims[key], (*path, key))


def changed(claims: Any, path: tuple[str | int, ...], change: Callable[[Any], Any]) -> Any:
    lying: Any = copy.deepcopy(claims)
    holder = lying
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = change(holder[path[-1]])
    return lying


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_changed_number_is_believed(
    claims: dict[str, Any], model: Path, data: st.DataObject
) -> None:
    places = [path for path in integers(claims) if path != ("certificate",)]
    assert len(places) > 100
    path = data.draw(st.sampled_from(places))
    by = data.draw(st.sampled_from([1, -1, 2, -7, 1 << 20]))
    lying = changed(claims, path, lambda value: not value if value is bool(value) else value + by)
    assert verdict(lying, model) is not None, path


@pytest.mark.parametrize("bound", ["type_only", "weights_known", "any_order"])
@pytest.mark.parametrize(("column", "by"), [("high", -1), ("low", 1), ("bits", -1)])
@pytest.mark.parametrize("channel", [0, 1])
def test_a_tighter_bound_is_refused(
    claims: dict[str, Any], model: Path, bound: str, column: str, by: int, channel: int
) -> None:
    path = ("sums", 0, bound, column, channel)
    lying = changed(claims, path, lambda value: value + by)
    assert verdict(lying, model) == "the certificate says what doesn't follow from the model"


def test_what_is_left_out_is_refused(claims: dict[str, Any], model: Path) -> None:
    for layer in range(len(claims["sums"])):
        for kept in (slice(layer), slice(layer + 1, None)):
            assert verdict(claims | {"sums": claims["sums"][kept]}, model)
    for layer in range(len(claims["requantizers"])):
        lying = copy.deepcopy(claims)
        del lying["requantizers"][layer]
        assert "leaves requantizers out" in str(verdict(lying, model))
    lying = copy.deepcopy(claims)
    for column in [lying["sums"][0]["bias"], *lying["sums"][0]["any_order"].values()]:
        del column[1]
    assert verdict(lying, model)
    lying = copy.deepcopy(claims)
    for column in lying["requantizers"][0]["smallest"].values():
        del column[1]
    assert "leaves channels out" in str(verdict(lying, model))
    lying["requantizers"] = [{"value": "r"}]
    assert "leaves requantizers out" in str(verdict(lying, model))


def test_a_narrower_operand_is_refused_even_with_the_bounds_that_follow(
    claims: dict[str, Any], tmp_path: Path, model: Path
) -> None:
    """Certificates of a graph whose first clamp is tighter, put upon the one whose isn't."""
    narrow = parse_graph(
        NETWORK.format(weights=", ".join(map(str, network().constants[0].array.ravel()))).replace(
            "high={200, 190}", "high={199, 190}"
        )
    )
    proof = prove(narrow, SCALES)
    lying = json.loads(json.dumps(document(narrow, proof.sums, proof.requantizers)))
    assert lying["sums"][1]["operand"] == [2, 199]
    assert claims["sums"][1]["operand"] == [2, 200]
    lying["graph"] = claims["graph"]
    assert verdict(lying, model)


def test_another_models_weights_are_refused(claims: dict[str, Any], tmp_path: Path) -> None:
    other = tmp_path / "other.intaglio"
    save(network(first=1), other)
    assert verdict(claims, other)
    proof = prove(network(first=1), SCALES)
    lying = json.loads(json.dumps(document(proof.graph, proof.sums, proof.requantizers)))
    assert verdict(lying, other) is None
    # With the hash of the graph put right, weights and bounds give the lie away.
    assert verdict(claims | {"graph": lying["graph"]}, other)


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_a_multiplier_of_fewer_bits_is_refused(
    claims: dict[str, Any], model: Path, shift: int
) -> None:
    for kind in ("smallest", "real"):
        lying = copy.deepcopy(claims)
        columns = lying["requantizers"][0][kind]
        columns = columns["smallest"] if kind == "real" else columns
        multiplier = columns["multiplier"][0]
        assert columns["bits"][0] == multiplier.bit_length() > 4
        columns["multiplier"][0] = multiplier >> 1
        columns["bits"][0] -= 1
        columns["shift"][0] += shift - 1
        assert "a multiplier changes outputs" in str(verdict(lying, model))


def test_a_multiplier_that_serves_but_is_not_the_smallest_is_refused(
    claims: dict[str, Any], model: Path
) -> None:
    lying = copy.deepcopy(claims)
    columns = lying["requantizers"][0]["smallest"]
    columns["multiplier"][0] *= 2
    columns["shift"][0] += 1
    columns["bits"][0] += 1
    assert "a smaller multiplier serves as well" in str(verdict(lying, model))


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(cases())
def test_certificates_of_random_graphs_hold(tmp_path: Path, case: Case) -> None:
    path = tmp_path / "random.intaglio"
    save(case.graph, path)
    proof = prove(case.graph, {})
    assert verdict(document(case.graph, proof.sums, proof.requantizers), path) is None


def test_a_certificate_of_every_op_holds(tmp_path: Path) -> None:
    graph = parse_graph(FIXED)
    path = tmp_path / "every.intaglio"
    save(graph, path)
    proof = prove(graph, {})
    assert verdict(document(graph, proof.sums, proof.requantizers), path) is None
    assert len(rows(proof)) >= len(proof.sums)
    refused = [each for each in rows(proof) if str(each["verdict"]).startswith("not certified")]
    assert len(refused) == sum(isinstance(each, RefusedSum) for each in proof.sums) > 0
    unproved = [each for each in proof.requantizers if isinstance(each, RefusedRequantizer)]
    named = [note for note in notes(proof) if "not certified" in note]
    assert len(named) == len(refused) + len(unproved)


def test_a_file_has_forgotten_the_real_scales(tmp_path: Path, model: Path) -> None:
    output = tmp_path / "certificate.json"
    proof = prove_file(model, LoweringOptions(), output)
    assert check_file(output, model) is None
    (note,) = notes(proof)
    assert note.startswith(
        "3 requantizations without their real scale: a fixed graph has forgotten"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "is no JSON"),
        ("[]", "no certificate of version"),
        ('{"certificate": 99}', "no certificate of version"),
        ('{"certificate": "1"}', "no certificate of version"),
    ],
)
def test_what_is_no_certificate(tmp_path: Path, model: Path, content: str, found: str) -> None:
    path = tmp_path / "no.json"
    path.write_text(content, encoding="ascii")
    with pytest.raises(InvalidFile, match=found):
        check_file(path, model)
    with pytest.raises(InvalidFile, match="can't be read"):
        check_file(tmp_path / "absent.json", model)


def test_a_certificate_of_another_form_is_refused(claims: dict[str, Any], model: Path) -> None:
    others: list[dict[str, Any]] = [{"sums": None}, {"graph": 3}, {"requantizers": 7}, {"sums": []}]
    for other in others:
        assert verdict(claims | other, model)
    del (lying := copy.deepcopy(claims))["sums"]
    assert "isn't of the form" in str(verdict(lying, model))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("real", "scale", 0), "1e999999999"),
        (("real", "relative_error", 0), "1/0"),
        (("smallest", "shift", 0), 10**12),
        (("smallest", "shift", 0), -1),
        (("smallest", "multiplier", 0), 1 << 70),
        (("smallest", "multiplier", 0), 1.5),
        (("smallest", "rounding", 0), "sideways"),
        (("smallest", "bits"), None),
        (("real", "smallest"), []),
    ],
)
def test_claims_made_to_harm_are_refused(
    claims: dict[str, Any], model: Path, path: tuple[str | int, ...], value: object
) -> None:
    assert verdict(changed(claims, ("requantizers", 0, *path), lambda _: value), model)


def imports_of(module: ModuleType) -> set[str | None]:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="ascii"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    names = {alias.name for node in found for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_checker_is_short_and_imports_nothing_of_the_compiler() -> None:
    lines = Path(check_certificate.__file__).read_text(encoding="ascii").splitlines()
    assert len(lines) < 60
    standard = {"json", "typing", "numpy"}
    reader = "intaglio.commands.prove.read_model"
    assert imports_of(check_certificate) == standard | {"hashlib", "sys", reader}
    assert imports_of(read_model) == standard | {"re", "zipfile"}


def test_the_checker_runs_by_itself(claims: dict[str, Any], model: Path, tmp_path: Path) -> None:
    for bits, expected in ((0, 0), (-1, 1)):
        path = tmp_path / "certificate.json"
        lying = copy.deepcopy(claims)
        lying["sums"][0]["any_order"]["bits"][0] += bits
        path.write_text(json.dumps(lying), encoding="ascii")
        command = [sys.executable, "-m", check_certificate.__name__, str(path), str(model)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == expected


def test_partial_sums_are_refused_by_name(tmp_path: Path) -> None:
    tiled = NETWORK.replace(
        "accumulator=accumulator(type=i20)",
        "accumulator=accumulator(type=i20, partial_sums=partial_sums(length=9, type=i16))",
    )
    graph = parse_graph(tiled.format(weights=", ".join(["1"] * 54)))
    assert replace(graph, name="small") == graph
    path = tmp_path / "tiled.intaglio"
    save(graph, path)
    proof = prove(graph, {})
    assert notes(proof)[0] == "a: not certified, its accumulator adds up partial sums"
    row, plain = rows(proof)[0], rows(prove(network(1), {}))[0]
    assert row["verdict"] == "not certified, its accumulator adds up partial sums"
    assert (row["declared"], row["type_only"]) == (plain["declared"], plain["type_only"])
    claims = json.loads(json.dumps(document(graph, proof.sums, proof.requantizers)))
    assert verdict(claims, path) is None
    exact = prove(network(), {})
    claims["sums"][0] = document(network(), exact.sums, ())["sums"][0]
    assert verdict(claims, path)


def test_a_bias_beyond_the_checkers_words_is_refused_by_name(tmp_path: Path) -> None:
    graph = parse_graph("""
        graph wide fixed
        %x: u8[1,4] = input
        %w: i8[4,1] = constant [1, 2, 3, 4]
        %b: i64[1] = constant [9223372036854775807]
        %a: i64[1,1] = mat_mul(%x, %w, %b) accumulator=accumulator(type=i64)
        return %a
    """)
    model = tmp_path / "wide.intaglio"
    save(graph, model)
    proof = prove(graph, {})
    assert isinstance(proof.sums[0], RefusedSum)
    assert "b has 64 bits" in proof.sums[0].reason
    honest = document(graph, proof.sums, proof.requantizers)
    assert verdict(honest, model) is None
    lie = copy.deepcopy(honest)
    lie["sums"][0] = {"value": "a", "weights_known": {"bits": [64]}, "fits": [True, True]}
    assert verdict(lie, model)
