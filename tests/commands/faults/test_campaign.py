# SPDX-License-Identifier: Apache-2.0
"""Campaigns: lists that are written and read back, chunks that are taken up, rates."""

import json
import math
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from intaglio.commands.batches import graph_specs
from intaglio.commands.data import Dataset, open_dataset
from intaglio.commands.faults import CampaignOptions, read_list, run_campaign, write_lists
from intaglio.commands.faults.campaign import Campaign
from intaglio.commands.faults.kinds import parse_storages
from intaglio.commands.faults.rates import Rate, by_storage, critical_bits
from intaglio.commands.faults.report import write_campaign
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import InvalidFile, InvalidOption
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift
from intaglio.simulator.faults import (
    Fault,
    FaultModel,
    Outcome,
    Storage,
    graph_hash,
    sample_faults,
)
from intaglio.simulator.vectorized import Program

I8 = IntType(8, True)
MODELS = ((FaultModel.FLIP, 1), (FaultModel.BURST, 3), (FaultModel.STUCK_AT_1, 1))


def network() -> Graph:
    random = Random(5)
    builder = Builder("network", Level.FIXED)
    x = builder.input("x", TensorType(I8, (4, 5)))
    weights = np.array([random.randint(-99, 99) for _ in range(30)]).reshape(5, 6)
    w = builder.constant("w", TensorType(I8, (5, 6)), weights)
    acc = builder.node("acc", TensorType(INT32, (4, 6)), fixed.MatMul(Accumulator(INT32)), [x, w])
    scaling = MultiplyShift(77, 13, Rounding.HALF_EVEN)
    op = fixed.Requantize((Requantizer(scaling, 3, -128, 127),))
    return builder.finish([builder.node("codes", TensorType(I8, (4, 6)), op, [acc])])


def rows(count: int) -> NDArray[np.int8]:
    random = Random(9)
    return np.array([[random.randint(-128, 127) for _ in range(5)] for _ in range(count)], np.int8)


@pytest.fixture(name="data", scope="module")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.npz"
    np.savez(path, x=rows(7))
    return path


def samples(path: Path, count: int) -> Dataset:
    return open_dataset(path, inputs=graph_specs(network()), limit=count)


def faults(count: int = 30) -> tuple[Fault, ...]:
    return tuple(
        fault
        for model, width in (
            (FaultModel.FLIP, 1),
            (FaultModel.BURST, 3),
            (FaultModel.STUCK_AT_1, 1),
        )
        for fault in sample_faults(network(), list(Storage), model, count, 2, width)
    )


def test_lists_are_read_back(tmp_path: Path) -> None:
    graph = network()
    write_lists(graph, faults(), tmp_path)
    assert read_list(graph, tmp_path / "faults.csv") == faults()


def test_words_hold_what_the_list_says(tmp_path: Path) -> None:
    write_lists(network(), faults(), tmp_path)
    places = (tmp_path / "places.csv").read_text().splitlines()[1:]
    lines = (tmp_path / "faults.hex").read_text().split()
    assert len(lines) == len(faults())
    for line, fault in zip(lines, faults(), strict=True):
        assert len(line) == 18
        word = int(line, 16)
        place = places[word >> 56].split(",")
        assert place[0] == str(word >> 56)
        assert place[2:5] == [fault.storage.value, fault.value, fault.field]
        assert word >> 24 & 0xFFFFFFFF == fault.index
        assert (word >> 16 & 0xFF, word >> 8 & 0xFF) == (fault.bit, fault.width)
        assert list(FaultModel)[word & 0xFF] is fault.model
    text = (tmp_path / "faults.svh").read_text()
    assert text.count("`INTAGLIO_FAULT(") == len(faults())


HEAD = f"# intaglio-faults-1 graph={graph_hash(network())}\n"
COLUMNS = "fault,layer,storage,value,field,index,bit,width,model\n"
GOOD = "0,acc,weights,w,,3,2,1,flip\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "first line"),
        (HEAD.replace("=", "=0"), "list for the graph 0"),
        (HEAD + GOOD, "line 2 doesn't name the columns"),
        (HEAD + COLUMNS + GOOD + "0,acc,weights,w,,3,2,flip\n", "line 4: found 8 cells"),
        (HEAD + COLUMNS + GOOD.replace(",3,", ",30,"), "index 30, expected at most 29"),
        (HEAD + COLUMNS + GOOD.replace(",3,", ",-3,"), "index '-3'"),
        (HEAD + COLUMNS + GOOD.replace(",3,", ",9999999999999,"), "expected a number"),
        (HEAD + COLUMNS + GOOD.replace(",2,", ",8,"), "bit 8 and width 1"),
        (HEAD + COLUMNS + GOOD.replace(",1,", ",0,"), "width 0"),
        (HEAD + COLUMNS + GOOD.replace(",1,", ",2,"), "width 2 of flip"),
        (HEAD + COLUMNS + GOOD.replace("weights", "biases"), "biases of w"),
        (HEAD + COLUMNS + GOOD.replace("weights", "words"), "storage 'words'"),
        (HEAD + COLUMNS + GOOD.replace("flip", "flop"), "model 'flop'"),
        (HEAD + COLUMNS + '0,"a', "found 2 cells"),
    ],
)
def test_bad_lists_are_refused(text: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "faults.csv"
    path.write_text(text)
    with pytest.raises(InvalidFile) as refused:
        read_list(network(), path)
    assert found in str(refused.value)
    path.write_text(HEAD + COLUMNS + GOOD)
    assert len(read_list(network(), path)) == 1
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidFile, match="no text"):
        read_list(network(), path)
    with pytest.raises(InvalidFile, match="can't be read"):
        read_list(network(), tmp_path / "none.csv")


def test_a_number_that_no_machine_has_is_refused(tmp_path: Path) -> None:
    """Stuck at 1, the top bit of a low clamp of -128 stays; at 0 it exceeds the high one."""
    path = tmp_path / "faults.csv"
    row = "0,codes,multipliers,codes,low,0,{},1,{}\n"
    path.write_text(HEAD + COLUMNS + row.format(7, "stuck-at-1"))
    assert len(read_list(network(), path)) == 1
    graph = replace(network())
    requantize = Requantizer(MultiplyShift(77, 13, Rounding.HALF_EVEN), 3, -128, -1)
    nodes = tuple(
        replace(node, op=fixed.Requantize((requantize,))) if node.name == "codes" else node
        for node in graph.nodes
    )
    narrow = replace(graph, nodes=nodes)
    head = f"# intaglio-faults-1 graph={graph_hash(narrow)}\n"
    path.write_text(head + COLUMNS + row.format(7, "stuck-at-0"))
    with pytest.raises(InvalidFile, match="line 3: the fault makes a number that no machine has"):
        read_list(narrow, path)


def test_chunks_are_taken_up(tmp_path: Path, data: Path) -> None:
    graph, listed = network(), faults(40)
    fresh = run_campaign(graph, samples(data, 7), listed, CampaignOptions())
    cached = CampaignOptions(tmp_path / "cache")

    class Stopped(Exception):
        pass

    def stop(done: int, total: int | None) -> None:
        if done >= 128:
            raise Stopped

    with pytest.raises(Stopped):
        run_campaign(graph, samples(data, 7), listed, cached, stop)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    resumed = run_campaign(graph, samples(data, 7), listed, cached)
    assert (resumed.outcomes, resumed.taken_up) == (fresh.outcomes, 128)
    # Other data is another campaign; a damaged chunk is run again.
    assert run_campaign(graph, samples(data, 6), listed, cached).taken_up == 0
    again = run_campaign(graph, samples(data, 7), listed, cached)
    assert again.taken_up == len(listed)
    for number, file in enumerate(sorted((tmp_path / "cache").iterdir())):
        file.write_text(("[]", "{", "[[7,7,7,0,0]]", "null", "[" * 5000)[number % 5])
    damaged = run_campaign(graph, samples(data, 7), listed, cached)
    assert (damaged.outcomes, damaged.taken_up) == (fresh.outcomes, 0)


def test_filling_samples_do_not_count(data: Path) -> None:
    graph = network()
    campaign = run_campaign(graph, samples(data, 7), faults(), CampaignOptions())
    assert campaign.samples == 7
    program = Program(graph)
    for fault, outcome in zip(campaign.faults, campaign.outcomes, strict=True):
        assert outcome.samples == 7 == outcome.masked + outcome.changed + outcome.detected
        if fault.storage is Storage.WEIGHTS and fault.model is FaultModel.FLIP:
            constant = graph.constants[0]
            array = constant.array.copy().ravel().view(np.uint8)
            array[fault.index] ^= 1 << fault.bit
            changed = replace(constant, array=array.view(np.int8).reshape(5, 6))
            other = Program(replace(graph, constants=(changed,)))
            expected = 0
            for row in rows(7):
                feed = {"x": np.repeat(row[None], 4, axis=0)}
                a, b = program.run(feed)["codes"][0], other.run(feed)["codes"][0]
                expected += bool((a != b).any())
            assert outcome.changed == expected


def test_equal_campaigns_make_equal_files(tmp_path: Path, data: Path) -> None:
    for name in ("one", "two"):
        options = CampaignOptions(tmp_path / "cache")
        campaign = run_campaign(network(), samples(data, 5), faults(), options)
        write_campaign(network(), campaign, tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    report = json.loads((tmp_path / "one" / "report.json").read_text())
    assert report["faults"] == len(faults())


@pytest.mark.parametrize(("count", "total"), [(0, 1), (1, 1), (3, 50), (500, 1000), (0, 0)])
def test_the_interval_solves_its_equation(count: int, total: int) -> None:
    """Wilson: at each end, the share lies 1.96 of the end's own deviations away."""
    low, high = Rate(count, total).interval
    if total == 0:
        assert (low, high) == (0.0, 1.0)
        return
    for end in (low, high):
        deviation = math.sqrt(end * (1 - end) / total)
        assert math.isclose(abs(count / total - end), 1.959963984540054 * deviation, abs_tol=1e-9)


def test_critical_bits_are_ranked_by_what_is_sure() -> None:
    def fault(bit: int) -> Fault:
        return Fault(Storage.WEIGHTS, "w", "", 0, bit, FaultModel.FLIP)

    listed = (*[fault(7)] * 20, fault(6), *[fault(5)] * 20)
    outcomes = (
        *[Outcome(4, 1, 3, 2, 0)] * 18,
        *[Outcome(4, 4, 0, 0, 0)] * 2,
        Outcome(4, 0, 4, 4, 0),
        *[Outcome(4, 3, 1, 0, 0)] * 20,
    )
    campaign = Campaign("network", "", 4, listed, outcomes, 0.0, 0)
    ranked = critical_bits(network(), campaign)
    assert [group.names for group in ranked] == [
        ("acc", "weights", "7"),
        ("acc", "weights", "6"),
        ("acc", "weights", "5"),
    ]
    assert ranked[0].critical == Rate(18, 20)
    (storage,) = by_storage(campaign)
    assert (storage.faults, storage.outcome) == (41, Outcome(164, 86, 78, 40, 0))


def test_unknown_storage_is_refused_with_the_nearest() -> None:
    assert parse_storages(["tables", "weights", "tables"]) == (Storage.TABLES, Storage.WEIGHTS)
    assert parse_storages([]) == tuple(Storage)
    with pytest.raises(InvalidOption, match="give weights"):
        parse_storages(["weight"])
