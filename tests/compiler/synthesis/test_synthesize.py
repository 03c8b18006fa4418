# SPDX-License-Identifier: Apache-2.0
"""Whole sets, for small networks of many kinds."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import onnx_ir as ir
import pytest
import torch

from intaglio.compiler.synthesis.distances import Distance
from intaglio.compiler.synthesis.input_description import InputDescription
from intaglio.compiler.synthesis.noise import noise
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.prepared_model import prepare
from intaglio.compiler.synthesis.synthesize import synthesize
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.compiler.synthesis.targets.batch_norm_targets import batch_norm_targets
from intaglio.errors import InvalidData, UnsupportedModel
from tests.compiler.real.building import Array, parse, random
from tests.compiler.synthesis.describing import described
from tests.compiler.synthesis.trained import QUICK, blocks, moments, trained

BLOCKS = blocks()
IMAGES = {"x": described(3, 8, 8, low=-3.0, high=3.0)}
DISTANCES: tuple[Distance, ...] = get_args(Distance)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ignore(doing: str, done: int, total: int | None) -> None: ...


def made(
    options: SynthesisOptions = QUICK,
    model: ir.Model = BLOCKS,
    inputs: Mapping[str, InputDescription] = IMAGES,
) -> SyntheticSet:
    found = synthesize(model, options, inputs, ignore)
    for name, array in found.inputs.items():
        assert array.dtype == np.float32
        assert array.shape == (options.synthetic_samples, *inputs[name].shape)
        assert array.min() >= np.float32(inputs[name].range.minimum)
        assert array.max() <= np.float32(inputs[name].range.maximum)
    for course in found.losses.values():
        assert len(course) == options.iterations
        assert np.isfinite(course).all()
    return found


def misses(data: Mapping[str, Array], model: ir.Model = BLOCKS) -> float:
    """How far the inputs of BatchNormalizations are from what was kept, in their own spreads."""
    targets = {target.value: target for target in batch_norm_targets(model).targets}
    seen = moments(model, data, list(targets))
    off = [
        np.concatenate([mean - targets[name].mean, std - targets[name].std])
        / np.tile(targets[name].std, 2)
        for name, (mean, std) in seen.items()
    ]
    return float(np.sqrt(np.mean(np.square(np.concatenate(off)))))


def test_layers_look_much_more_as_they_should_than_with_noise() -> None:
    found = made(replace(QUICK, iterations=20, synthetic_samples=8))
    plain = noise(IMAGES, 8, 0, "normal")
    assert misses(found.inputs) < misses(plain) / 3
    assert found.losses["total"][-1] < found.losses["total"][0] / 3
    assert found.summary == "batch-norm, 2 layers by l2, 20 iterations"


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("statistics", ["sample", "batch"])
def test_every_distance_falls(distance: Distance, statistics: Literal["sample", "batch"]) -> None:
    options = replace(QUICK, distance=distance, statistics=statistics, learning_rate=0.2)
    found = made(options)
    assert found.losses["total"][-1] < 0.8 * found.losses["total"][0]
    # Slack forgives spreads as noise has, and the z-score doesn't ask for any.
    if distance in ("l2", "relative"):
        assert misses(found.inputs) < 0.7 * misses(noise(IMAGES, 4, 0, "normal"))


def test_slack_forgives_all_that_noise_of_the_same_seed_misses_by() -> None:
    options = replace(QUICK, distance="slack", statistics="batch", iterations=1, input_weight=0.0)
    assert made(replace(options, slack_quantile=1.0)).losses["total"][0] < 1e-6
    courses = [made(replace(options, slack_quantile=q)).losses["total"][0] for q in (0.9, 0.5, 0.0)]
    l2 = made(replace(options, distance="l2")).losses["total"][0]
    assert 0 < courses[0] < courses[1] < courses[2] < l2


ALL = replace(
    QUICK,
    iterations=6,
    distance="slack",
    weighting="layerwise",
    class_weight=2.0,
    variation_weight=0.01,
    l2_weight=0.01,
    correlation_weight=1.0,
)


@pytest.mark.parametrize("options", [replace(QUICK, iterations=6), ALL])
def test_equal_options_make_equal_bytes_and_other_seeds_others(options: SynthesisOptions) -> None:
    once, again, other = (made(replace(options, seed=seed)).inputs["x"] for seed in (3, 3, 4))
    assert once.tobytes() == again.tobytes()
    assert (once != other).mean() > 0.9


@pytest.mark.parametrize("statistics", ["sample", "batch"])
def test_the_number_of_threads_changes_nothing(statistics: Literal["sample", "batch"]) -> None:
    # Large enough for PyTorch to share out: it divides work of 32768 elements or more.
    text = """(float[N,3,24,24] x) => (y) {
        a = Conv(x, w0) b = BatchNormalization(a, g0, o0, m0, v0) c = Relu(b) y = Conv(c, w1)
    }"""
    data = {"x": random(0, 8, 3, 24, 24)}
    model = trained(text, (16,), data, w0=random(1, 16, 3, 3, 3), w1=random(2, 4, 16, 3, 3))
    options = replace(ALL, statistics=statistics, weighting="uniform", synthetic_samples=24)
    made_with: list[bytes] = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found = made(replace(options, iterations=3), model, {"x": described(3, 24, 24)})
        made_with.append(found.inputs["x"].tobytes())
    assert made_with[0] == made_with[1] == made_with[2]


def test_the_given_model_stays_as_it_is() -> None:
    before = ir.to_proto(BLOCKS).SerializeToString()
    made(ALL)
    assert ir.to_proto(BLOCKS).SerializeToString() == before


def test_every_term_is_noted() -> None:
    found = made(ALL)
    terms = {"layers", "input", "classes", "variation", "l2", "correlation"}
    assert set(found.losses) == {*terms, "total"}
    summed = sum(np.array(found.losses[term]) for term in terms)
    np.testing.assert_allclose(found.losses["total"], summed, rtol=1e-5)


def test_progress_goes_over_all_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two samples at once: five need three parts, and one sample is made in vain.
    limit(monkeypatch, 2)
    said: list[tuple[int, int | None]] = []

    def note(doing: str, done: int, total: int | None) -> None:
        assert doing.startswith("synthesis, loss ")
        said.append((done, total))

    options = replace(QUICK, synthetic_samples=5, iterations=3)
    found = synthesize(BLOCKS, options, IMAGES, note)
    assert said == [(done, 9) for done in range(1, 10)]
    assert found.samples == 5
    assert len(found.losses["total"]) == 3


def limit(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    def fixed(model: ir.Model, samples: int) -> int:
        return at_once

    monkeypatch.setattr("intaglio.compiler.synthesis.synthesize.samples_at_once", fixed)


def test_samples_don_t_depend_on_how_many_go_through_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = replace(QUICK, synthetic_samples=6, iterations=4, weighting="layerwise")
    together = made(options)
    limit(monkeypatch, 3)
    split = made(options)
    np.testing.assert_allclose(split.inputs["x"], together.inputs["x"], atol=0.01)


@pytest.mark.parametrize("samples", [1, 2, 3, 7])
def test_a_fixed_batch_is_kept_to(samples: int) -> None:
    found = made(replace(QUICK, synthetic_samples=samples, iterations=3), blocks(2))
    assert found.samples == samples


@pytest.mark.parametrize("options", [QUICK, ALL])
def test_a_single_sample(options: SynthesisOptions) -> None:
    found = made(replace(options, synthetic_samples=1))
    assert found.losses["layers"][-1] < found.losses["layers"][0]


def test_no_iterations_leave_noise() -> None:
    found = made(replace(QUICK, iterations=0))
    assert found.losses == {}
    np.testing.assert_allclose(found.inputs["x"], noise(IMAGES, 4, 0, "normal")["x"], atol=1e-6)


def test_classes_alone_are_seen_by_the_network() -> None:
    options = SynthesisOptions(
        "classes", synthetic_samples=4, iterations=20, class_weight=1.0, input_weight=0.0
    )
    found = made(options)
    assert set(found.losses) == {"classes", "total"}
    assert found.losses["classes"][-1] < found.losses["classes"][0] / 3
    assert found.summary == "classes, no layers, 20 iterations"


def test_a_network_without_classes_has_nothing_to_say_of_them() -> None:
    model = prepare(parse("(float[N,3,8,8] x) => (y) { y = Conv(x, w) }", w=random(0, 4, 3, 3, 3)))
    options = SynthesisOptions("classes", synthetic_samples=2, class_weight=1.0)
    with pytest.raises(InvalidData, match=r"no output with a score.*synthesis=moments"):
        made(options, model)
    found = made(replace(options, synthesis="moments", iterations=2), model)
    (note,) = found.notes
    assert note.where == "classes"
    assert "class_weight does nothing" in note.said


@pytest.mark.parametrize("batch", ["N", "2"])
def test_scores_of_positions_are_no_classes_of_samples(batch: str) -> None:
    text = """(float[BATCH,3,8,8] x) => (float[M,4] y) {
        a = Conv(x, w) b = BatchNormalization(a, g0, o0, m0, v0)
        t = Transpose <perm = [0,2,3,1]> (b) f = Reshape(t, s) y = Gemm(f, v)
    }"""
    constants = {"w": random(0, 6, 3, 3, 3), "v": random(1, 6, 4), "s": np.array([-1, 6])}
    data = {"x": random(2, 2, 3, 8, 8)}
    model = trained(text.replace("BATCH", batch), (6,), data, **constants)
    options = replace(QUICK, class_weight=1.0, synthetic_samples=2, iterations=2)
    found = made(options, model)
    assert set(found.losses) == {"layers", "input", "total"}
    assert "class_weight does nothing" in found.notes[-1].said
    with pytest.raises(InvalidData, match="a row for each sample"):
        made(replace(options, synthesis="classes"), model)


def test_without_batch_norm_another_recipe_is_named() -> None:
    model = prepare(parse("(float[N,3,8,8] x) => (y) { y = Conv(x, w) }", w=random(0, 4, 3, 3, 3)))
    with pytest.raises(InvalidData, match=r"no BatchNormalization.*gzsq"):
        made(QUICK, model)


def test_a_custom_operator_is_named() -> None:
    model = parse(
        "(float[N,3,8,8] x) => (y) { a = Conv(x, w) y = Relu(a) }", w=random(0, 4, 3, 3, 3)
    )
    last = list(model.graph)[1]
    last.op_type, last.domain = "Sparkle", "acme"
    model.opset_imports["acme"] = 1
    with pytest.raises(UnsupportedModel, match=r"Sparkle"):
        made(replace(QUICK, synthesis="weight-sums"), model)
    with pytest.raises(UnsupportedModel, match=r"Sparkle"):
        prepare(model)


def test_nothing_is_made_for_a_network_without_weights() -> None:
    model = parse("(float[N,3,8,8] x) => (y) { y = Relu(x) }")
    for options in (
        QUICK,
        replace(QUICK, synthesis="weight-sums"),
        replace(QUICK, synthesis="moments"),
    ):
        with pytest.raises(InvalidData, match="no convolution or matrix product"):
            made(options, model)


def test_a_loss_that_diverges_advises() -> None:
    wide = {"x": described(3, 8, 8, low=-1e30, high=1e30)}
    with pytest.raises(InvalidData, match=r"--set learning_rate=1e\+24"):
        made(replace(QUICK, learning_rate=1e25), inputs=wide)


@pytest.mark.parametrize("synthesis", ["weight-sums", "moments"])
@pytest.mark.parametrize("distance", DISTANCES)
def test_a_convolution_of_zeros_has_constant_channels(
    synthesis: Literal["weight-sums", "moments"], distance: Distance
) -> None:
    text = """(float[N,3,6,6] x) => (y) {
        a = Conv(x, w) b = Conv(x, z) c = Concat <axis = 1> (a, b) d = Relu(c) y = Conv(d, v)
    }"""
    half = random(0, 4, 3, 3, 3)
    half[1] = 0
    constants = {"w": half, "z": np.zeros((2, 3, 3, 3), np.float32), "v": random(1, 5, 6, 1, 1)}
    options = replace(QUICK, iterations=5, synthesis=synthesis, distance=distance)
    made(options, prepare(parse(text, **constants)), {"x": described(3, 6, 6)})


def test_a_channel_that_was_constant_in_training() -> None:
    text = """(float[N,2,6,6] x) => (y) {
        a = Conv(x, w0) b = BatchNormalization(a, g0, o0, m0, v0) c = Relu(b) y = Conv(c, w1)
    }"""
    weight = random(0, 4, 2, 3, 3)
    weight[2] = 0
    constants = {"w0": weight, "w1": random(1, 3, 4, 1, 1)}
    model = trained(text, (4,), {"x": random(2, 32, 2, 6, 6)}, **constants)
    for distance in DISTANCES:
        options = replace(QUICK, iterations=5, distance=distance)
        made(options, model, {"x": described(2, 6, 6)})


def test_several_inputs() -> None:
    text = """(float[N,2,6,6] x, float[N,3] z) => (y) {
        a = Conv(x, w0) b = BatchNormalization(a, g0, o0, m0, v0) c = Relu(b)
        p = GlobalAveragePool(c) q = Flatten(p) r = Gemm(z, w1)
        s = Add(q, r) t = BatchNormalization(s, g1, o1, m1, v1) u = Relu(t) y = Gemm(u, w2)
    }"""
    data = {"x": 2 * random(0, 64, 2, 6, 6) + 1, "z": 3 * random(1, 64, 3)}
    weights = {"w0": random(2, 4, 2, 3, 3), "w1": random(3, 3, 4), "w2": random(4, 4, 2)}
    model = trained(text, (4, 4), data, **weights)
    inputs = {"x": described(2, 6, 6), "z": described(3)}
    found = made(replace(QUICK, synthetic_samples=8, iterations=20), model, inputs)
    assert misses(found.inputs, model) < misses(noise(inputs, 8, 0, "normal"), model) / 2


def test_signals_of_one_dimension() -> None:
    text = """(float[N,2,32] x) => (y) {
        a = Conv(x, w0) b = BatchNormalization(a, g0, o0, m0, v0) c = Relu(b) y = Conv(c, w1)
    }"""
    data = {"x": np.cumsum(random(0, 32, 2, 32), axis=2) / 3}
    model = trained(text, (5,), data, w0=random(1, 5, 2, 5), w1=random(2, 3, 5, 3))
    inputs = {"x": described(2, 32)}
    options = replace(QUICK, iterations=20, correlation_weight=0.1, variation_weight=0.1)
    found = made(options, model, inputs)
    assert misses(found.inputs, model) < misses(noise(inputs, 4, 0, "normal"), model) / 2


def test_vectors() -> None:
    text = """(float[N,6] x) => (y) {
        a = Gemm(x, w0) b = BatchNormalization(a, g0, o0, m0, v0) c = Relu(b) y = Gemm(c, w1)
    }"""
    data = {"x": random(0, 256, 6) * np.arange(1, 7, dtype=np.float32) / 2 + 1}
    model = trained(text, (5,), data, w0=random(1, 6, 5), w1=random(2, 5, 3))
    inputs = {"x": described(6)}
    options = replace(ALL, synthetic_samples=16, iterations=20, distance="l2", class_weight=0.1)
    found = made(options, model, inputs)
    assert misses(found.inputs, model) < misses(noise(inputs, 16, 0, "normal"), model) / 2


@pytest.mark.parametrize("synthesis", ["weight-sums", "moments"])
def test_products_alone_without_batch_norm(
    synthesis: Literal["weight-sums", "moments"],
) -> None:
    text = "(float[N,6] x) => (y) { a = Gemm(x, w) b = Relu(a) y = Gemm(b, v) }"
    model = prepare(parse(text, w=random(1, 6, 5), v=random(2, 5, 3)))
    options = replace(QUICK, synthesis=synthesis, synthetic_samples=8)
    found = made(options, model, {"x": described(6)})
    assert found.losses["total"][-1] < found.losses["total"][0]


def test_channels_of_images_may_be_last() -> None:
    text = """(float[N,6,6,3] x) => (y) {
        t = Transpose <perm = [0,3,1,2]> (x)
        a = Conv(t, w0) b = BatchNormalization(a, g0, o0, m0, v0) c = Relu(b) y = Conv(c, w1)
    }"""
    data = {"x": random(0, 32, 6, 6, 3) * 2 + 1}
    model = trained(text, (4,), data, w0=random(1, 4, 3, 3, 3), w1=random(2, 3, 4, 1, 1))
    inputs = {"x": described(6, 6, 3)}
    found = made(QUICK, model, inputs)
    assert misses(found.inputs, model) < misses(noise(inputs, 4, 0, "normal"), model) / 2
