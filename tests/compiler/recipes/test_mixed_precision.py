# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
from itertools import product

import onnx_ir as ir
import pytest

from intaglio.commands.evaluators import IntegerEvaluator
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.layer_overrides import LayerOverride
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import plan_quantization
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.widths.output_losses import output_noise
from intaglio.compiler.recipes.layer_sensitivities import (
    Measurement,
    Quantize,
    measure_sensitivities,
)
from intaglio.compiler.recipes.mixed_precision import OperationBudget, SizeBudget, choose_widths
from intaglio.errors import InvalidData, InvalidOption
from tests.compiler.real.building import parse, random, random_feeds, run

# The middle layer's weights hardly matter: what it adds is a hundredth of what goes past it.
TEXT = """(float[N,4,6,6] x) => (y) {
    [first] a = Conv<pads=[1,1,1,1]>(x, w)
    r = Relu(a)
    [middle] m = Conv<pads=[1,1,1,1]>(r, v)
    s = Add(r, m)
    g = GlobalAveragePool(s)
    f = Flatten(g)
    [last] y = Gemm(f, u) }"""
MODEL = parse(TEXT, w=random(1, 8, 4, 3, 3), v=0.001 * random(2, 8, 8, 3, 3), u=random(3, 8, 5))
RANGES = {"x": 4.0, "r": 9.0, "m": 0.2, "s": 9.0, "g": 4.0, "f": 4.0, "y": 9.0}
BATCHES = [random_feeds(MODEL, seed, 4) for seed in (0, 1)]
BYTES = 4 * 8 * 9 + 8 * 8 * 9 + 40
WIDTHS = (8, 4, 2)


def quantizer(model: ir.Model) -> Quantize:
    ranges = {name: Range(-end, end) for name, end in RANGES.items()}
    return lambda options: insert_quantization(model, plan_quantization(model, ranges, options))


HOW = Measurement(MODEL, quantizer(MODEL), IntegerEvaluator(), BATCHES)


def test_what_matters_least_is_narrowed_first() -> None:
    told: list[tuple[int, int | None]] = []
    found = choose_widths(
        HOW,
        QuantizationOptions(),
        SizeBudget(BYTES * 3 // 4),
        widths=WIDTHS,
        progress=lambda done, total: told.append((done, total)),
    )
    bits = {each.layer: each.bits for each in found.layers}
    assert bits["first"] == bits["last"] == 8
    assert bits["middle"] < 8
    assert found.options.overrides == {"middle": LayerOverride(weight_bits=bits["middle"])}
    assert told == [(done, 7) for done in range(1, 8)]
    assert found.cost <= BYTES * 3 // 4
    assert found.loss == pytest.approx(found.expected_loss, rel=0.5)
    first, middle, _ = found.layers
    assert first.losses[2] > first.losses[4] > first.losses[8] == 0.0
    assert middle.losses[2] < first.losses[4]


def test_losses_are_those_of_the_whole_network_in_integers() -> None:
    quantize, evaluate = quantizer(MODEL), IntegerEvaluator()

    def loss(**layers: LayerOverride) -> float:
        found = evaluate(quantize(QuantizationOptions(overrides=layers)), BATCHES)
        return output_noise([run(MODEL, feeds) for feeds in BATCHES], found)

    chosen = choose_widths(
        HOW, QuantizationOptions(weight_bits=4), SizeBudget(10**6),
        widths=(3, 8),
    )  # fmt: skip
    assert chosen.widest_loss == chosen.loss == pytest.approx(loss())
    for each in chosen.layers:
        alone = loss(**{each.layer: LayerOverride(weight_bits=3)})
        assert each.losses[3] == pytest.approx(max(0.0, alone - loss()), rel=1e-6, abs=1e-12)


def test_the_assignment_is_the_best_of_all_by_the_measured_losses() -> None:
    budget = 8 * 4 * 8 * 9 * 36 * 14
    found = choose_widths(
        HOW,
        QuantizationOptions(),
        OperationBudget(budget),
        widths=WIDTHS,
    )

    def cost(widths: Sequence[int]) -> int:
        pairs = zip(widths, found.layers, strict=True)
        return sum(bits * 8 * each.products for bits, each in pairs)

    def loss(widths: Sequence[int]) -> float:
        return sum(each.losses[bits] for bits, each in zip(widths, found.layers, strict=True))

    every = [widths for widths in product(WIDTHS, repeat=3) if cost(widths) <= budget]
    assert 0 < len(every) < 27
    assert found.cost == cost([each.bits for each in found.layers]) <= budget
    assert found.expected_loss - found.widest_loss == pytest.approx(min(map(loss, every)))


def test_operations_count_the_width_of_what_is_read() -> None:
    chosen = QuantizationOptions(overrides={"first": LayerOverride(activation_bits=4)})
    found = choose_widths(
        HOW, chosen, OperationBudget(10**9),
        widths=(8,),
    )  # fmt: skip
    by_name = {each.layer: each for each in found.layers}
    assert found.cost == 8 * (
        8 * by_name["first"].products
        + 4 * by_name["middle"].products
        + 8 * by_name["last"].products
    )


def test_a_stated_width_is_kept_under_either_name_of_the_layer() -> None:
    chosen = QuantizationOptions(overrides={"a": LayerOverride(weight_bits=3, per_channel=False)})
    found = choose_widths(
        HOW, chosen, SizeBudget(500),
        widths=WIDTHS,
    )  # fmt: skip
    first = found.layers[0]
    assert (first.bits, first.losses) == (3, {3: 0.0})
    assert found.options.overrides["first"] == LayerOverride(weight_bits=3, per_channel=False)


def test_a_budget_that_cannot_be_kept_is_refused_before_anything_runs() -> None:
    def never(model: ir.Model, batches: Sequence[Feeds]) -> list[dict[str, Array]]:
        raise AssertionError("the network was run")

    how = Measurement(MODEL, quantizer(MODEL), never, BATCHES)
    with pytest.raises(InvalidOption, match="the narrowest codes cost 226 already"):
        choose_widths(how, QuantizationOptions(), SizeBudget(225), widths=WIDTHS)
    with pytest.raises(InvalidOption, match="no width can be chosen"):
        choose_widths(how, QuantizationOptions(), SizeBudget(999), widths=())
    with pytest.raises(InvalidData, match="give data to measure losses on"):
        Measurement(MODEL, quantizer(MODEL), never, [])


def test_one_measurement_serves_several_budgets() -> None:
    def refuse(done: int, total: int | None) -> None:
        raise AssertionError("measured again")

    known = measure_sensitivities(HOW, QuantizationOptions(), WIDTHS)
    for budget in (SizeBudget(BYTES * 3 // 4), SizeBudget(BYTES // 2), OperationBudget(10**6)):
        again = choose_widths(
            HOW, QuantizationOptions(), budget, widths=WIDTHS, sensitivities=known,
            progress=refuse,
        )  # fmt: skip
        assert again == choose_widths(HOW, QuantizationOptions(), budget, widths=WIDTHS)
