# SPDX-License-Identifier: Apache-2.0
"""What a checker reads of a model: text in the form in which it is written, and nothing less."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from intaglio.commands.prove import read_model
from intaglio.commands.prove.document import document
from intaglio.commands.prove.proving import prove
from intaglio.compiler.ir.file import save
from tests.commands.prove.test_proving import SCALES, network, verdict


@pytest.fixture(scope="module")
def claims() -> dict[str, Any]:
    proof = prove(network(), SCALES)
    return document(proof.graph, proof.sums, proof.requantizers)


def rewritten(model: Path, old: str, new: str) -> Path:
    """The model with another graph text, and the hash of that in its manifest."""
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts["graph.txt"].decode("ascii")
    assert old in text
    parts["graph.txt"] = text.replace(old, new).encode("ascii")
    manifest = json.loads(parts["manifest.json"])
    manifest["entries"]["graph.txt"] = {
        "size": len(parts["graph.txt"]),
        "sha256": hashlib.sha256(parts["graph.txt"]).hexdigest(),
    }
    parts["manifest.json"] = json.dumps(manifest).encode("ascii")
    changed_model = model.with_stem("rewritten")
    with zipfile.ZipFile(changed_model, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return changed_model


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("high={200, 190})\n", "high={200, 190}) # low=0 high=1\n"),
        (" accumulator=accumulator(type=i14", "\n accumulator=accumulator(type=i14"),
        (" low={3, 4}", "\n low={3, 4}"),
    ],
)
def test_text_in_another_form_is_refused(
    claims: dict[str, Any], tmp_path: Path, old: str, new: str
) -> None:
    canonical = tmp_path / "canonical.intaglio"
    save(network(), canonical)
    assert verdict(claims, canonical) is None
    assert "isn't in the form" in str(verdict(claims, rewritten(canonical, old, new)))


def test_every_clamp_of_a_list_counts() -> None:
    requantizers = ", ".join(f"requantizer(zero_point=0, low=0, high={high})" for high in (255, 1))
    line = ("y", "u8", "[1,2]", "requantize", "%x", f" requantizers=[{requantizers}]")
    assert max(read_model.codes_of({"y": line}, "y", clamped=True)[0]) == 255
