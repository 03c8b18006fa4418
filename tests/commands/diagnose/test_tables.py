# SPDX-License-Identifier: Apache-2.0
"""A diagnosis in words, tables and JSON."""

import json
import math
from dataclasses import replace

import numpy as np

from intaglio.commands.diagnose.alone import Alone
from intaglio.commands.diagnose.fidelity import Fidelity
from intaglio.commands.diagnose.report import (
    ActivationReport,
    Diagnosis,
    OutputReport,
    WeightReport,
)
from intaglio.commands.diagnose.tables import activations_table, facts, summary, weights_table
from intaglio.commands.diagnose.watch import Use
from intaglio.commands.diagnose.weights import LayerRanges, WeightUse
from intaglio.commands.tables import print_table

EXACT, USUAL = Fidelity(None, 1.0, 0.0), Fidelity(31.25, 0.9991, 0.5)
WEIGHTS = WeightReport(
    "conv", "v", "Conv", 4, WeightUse(0.5, 0.0, 1, 8), USUAL, Alone(USUAL, EXACT), USUAL
)
UNKNOWN = WeightReport("fc", "w", "Gemm", 4, WeightUse(1.0, 0.5, 0, 2), None, None, None)
ACTIVATION = ActivationReport(
    "v", "Relu", 8, Use(0.75, 0.5, None, 0.01), Alone(EXACT, USUAL), Fidelity(None, None, math.inf)
)
FOUND = Diagnosis(
    model="net.onnx",
    profile="tflm",
    samples=4,
    noise=True,
    synthetic=False,
    output=OutputReport(USUAL, Fidelity(80.0, 1.0, 1e-3), 3),
    weights=(WEIGHTS, UNKNOWN),
    activations=(ACTIVATION,),
    ranges=(LayerRanges("v", "conv", np.array([1.0, 2.0]), None),),
    remarks=("a remark",),
)


def test_the_summary_says_what_was_measured_on_what() -> None:
    said = "\n".join(summary(FOUND))
    assert "net.onnx, 4 samples of uniform noise" in said
    assert "under tflm" in said
    assert "31.2 dB, cosine 0.9991" in said
    assert "the same on 3 of 4" in said
    assert "the recipe's float network has 80.0 dB" in said
    assert said.endswith("a remark")
    made = "\n".join(summary(replace(FOUND, noise=False, synthetic=True)))
    assert "net.onnx, 4 samples that the recipe made" in made


def test_rows_say_exact_and_leave_open_what_is_not_known() -> None:
    known, unknown = weights_table(FOUND).rows
    assert known["alone_output"] == "exact"
    assert known["alone_here"] == 31.25
    assert known["use"] == 0.5
    assert {key for key, cell in unknown.items() if cell is None} == {
        "weights",
        "alone_here",
        "alone_output",
        "alone_cosine",
        "together",
        "together_cosine",
    }
    (row,) = activations_table(FOUND).rows
    assert row["beyond"] == 1.0
    for table in (weights_table(FOUND), activations_table(FOUND)):
        print_table(table)


def test_cosines_may_be_left_out_for_want_of_room() -> None:
    for table in (weights_table, activations_table):
        whole, narrow = (
            [one.key for one in table(FOUND, with_).columns] for with_ in (True, False)
        )
        assert set(whole) - set(narrow) == {"alone_cosine", "together_cosine"}


def test_what_no_value_exceeds_has_no_column() -> None:
    assert "beyond" in [column.key for column in activations_table(FOUND).columns]
    within = replace(ACTIVATION, use=Use(0.75, 0.5, None, 0.0))
    table = activations_table(replace(FOUND, activations=(within,)))
    assert "beyond" not in [column.key for column in table.columns]


def test_widths_have_a_column_where_they_differ() -> None:
    assert "bits" not in [column.key for column in weights_table(FOUND).columns]
    wide = WeightReport("fc", "w", "Gemm", 8, UNKNOWN.use, None, None, None)
    mixed = replace(FOUND, weights=(WEIGHTS, wide))
    assert "bits" in [column.key for column in weights_table(mixed).columns]


def test_facts_are_json_whatever_the_numbers() -> None:
    found = json.loads(json.dumps(facts(FOUND), allow_nan=False))
    assert set(found) == {
        "model",
        "profile",
        "samples",
        "noise",
        "synthetic",
        "output",
        "weights",
        "activations",
        "weight_ranges",
        "remarks",
    }
    assert found["output"]["fidelity"] == {
        "sqnr_db": 31.25,
        "cosine": 0.9991,
        "largest_error": 0.5,
    }
    assert found["weights"][0]["alone"]["output"]["sqnr_db"] is None
    assert found["weights"][0]["alone"]["output"]["largest_error"] == 0.0
    assert found["weights"][0]["use"]["empty"] == 1
    assert found["weights"][1]["alone"] is None
    assert found["activations"][0]["together"]["largest_error"] is None
    assert found["weight_ranges"] == [
        {"node": "conv", "output": "v", "before": [1.0, 2.0], "after": None}
    ]
