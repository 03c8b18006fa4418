# SPDX-License-Identifier: Apache-2.0
"""Ranges of weights as SVG."""

import re
from xml.etree import ElementTree

import numpy as np

from intaglio.commands.diagnose.picture import weight_ranges_picture
from intaglio.commands.diagnose.weights import LayerRanges

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*layers: LayerRanges) -> ElementTree.Element:
    return ElementTree.fromstring(weight_ranges_picture("net & <co>", layers))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def layer(before: list[float], after: list[float] | None, node: str = "conv") -> LayerRanges:
    return LayerRanges("v", node, np.array(before), None if after is None else np.array(after))


def test_two_panels_where_a_recipe_changed_something() -> None:
    root = drawn(layer([0.1, 1.0, 10.0], [0.5, 0.6, 0.7]), layer([1.0], [1.0], "fc"))
    said = texts(root)
    assert {"net & <co>", "weights as given", "weights as quantized", "conv", "fc"} <= set(said)
    assert said.count("10") == 2
    assert root.tag == f"{SVG}svg"


def test_one_panel_where_none_did() -> None:
    said = texts(drawn(layer([0.1, 1.0], [0.1, 1.0])))
    assert "weights as given" in said
    assert "weights as quantized" not in said


def test_a_box_lies_where_the_channels_are_on_a_logarithmic_axis() -> None:
    widths = np.geomspace(0.01, 100, 401)
    root = drawn(LayerRanges("v", "conv", widths, widths))
    box = next(r for r in root.iter(f"{SVG}rect") if r.get("stroke"))
    ticks = {
        float(element.text or "nan"): float(element.get("x") or "nan")
        for element in root.iter(f"{SVG}text")
        if re.fullmatch(r"[0-9.]+", element.text or "")
    }
    left = float(box.get("x") or "nan")
    right = left + float(box.get("width") or "nan")
    assert abs(left - ticks[0.1]) < 0.5
    assert abs(right - ticks[10.0]) < 0.5
    dots = list(root.iter(f"{SVG}circle"))
    assert len(dots) == 2 * 20


def test_dead_channels_are_counted_at_the_edge() -> None:
    said = texts(drawn(layer([0.0, 0.0, 1.0], [0.0, 1e-30, 1.0]), layer([0.0], [0.0])))
    assert said.count("2 zero") == 1
    assert "2 narrower" in said
    assert said.count("1 zero") == 2


def test_nothing_but_zeros_and_nothing_at_all() -> None:
    assert "1 zero" in texts(drawn(layer([0.0], [0.0])))
    assert "weights as given" in texts(drawn())


def test_long_names_keep_their_end_within_the_picture() -> None:
    root = drawn(layer([1.0], None, "model/" + "x" * 100 + "/Conv2D"))
    (name,) = (said for said in texts(root) if said.endswith("/Conv2D"))
    assert name.startswith("…")
    assert len(name) <= 44
    width = float(root.get("width") or "nan")
    for element in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            position = element.get(key)
            assert position is None or 0 <= float(position) <= width


def test_the_same_numbers_give_the_same_picture() -> None:
    layers = [layer([0.5, 2.0], [1.0, 1.0])]
    assert weight_ranges_picture("t", layers) == weight_ranges_picture("t", layers)
