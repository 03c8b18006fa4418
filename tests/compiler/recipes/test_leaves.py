# SPDX-License-Identifier: Apache-2.0
"""The recipe without data, BatchNormalization and PyTorch, on networks of many kinds."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.statistics import write_channel_statistics
from intaglio.compiler.recipes import load_choices, quantize
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, parse, random


def _weights(**shapes: tuple[int, ...]) -> dict[str, Array]:
    """He's initialization: the spread stays through layers with Relu."""
    return {
        name: random(seed, *shape) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        for seed, (name, shape) in enumerate(shapes.items())
    }


def residual() -> ir.Model:
    return parse(
        """(float[N,3,16,16] x) => (y) {
            a = Conv<pads=[1,1,1,1]>(x, w0)
            r = Relu(a)
            b = Conv<pads=[1,1,1,1]>(r, w1)
            s = Add(a, b)
            t = Relu(s)
            g = GlobalAveragePool(t)
            f = Flatten(g)
            y = Gemm<transB=1>(f, w2)
        }""",
        **_weights(w0=(8, 3, 3, 3), w1=(8, 8, 3, 3), w2=(4, 8)),
    )


def branching() -> ir.Model:
    return parse(
        """(float[N,3,16,16] x) => (y) {
            a = Conv(x, w0)
            p = MaxPool<kernel_shape=[2,2],strides=[2,2]>(a)
            b = Conv(p, w1)
            c = Conv<pads=[1,1,1,1]>(p, w2)
            j = Concat<axis=1>(b, c)
            y = ReduceMean<keepdims=0>(j, axes)
        }""",
        **_weights(w0=(8, 3, 3, 3), w1=(4, 8, 1, 1), w2=(4, 8, 3, 3)),
        axes=np.array([2, 3]),
    )


def gated() -> ir.Model:
    """A squeeze-and-excitation block with HardSwish, around a depthwise convolution."""
    return parse(
        """(float[N,3,16,16] x) => (y) {
            a = Conv(x, w0)
            h = HardSwish(a)
            d = Conv<group=8,pads=[1,1,1,1]>(h, w1)
            m = GlobalAveragePool(d)
            e = Conv(m, w2)
            s = HardSigmoid(e)
            k = Mul(d, s)
            y = Conv(k, w3)
        }""",
        **_weights(w0=(8, 3, 3, 3), w1=(8, 1, 3, 3), w2=(8, 8, 1, 1), w3=(4, 8, 1, 1)),
    )


def deep_products() -> ir.Model:
    nodes = "".join(f"h{i} = Gemm<transB=1>(r{i}, w) r{i + 1} = Relu(h{i})\n" for i in range(8))
    text = f"(float[N,12] x) => (y) {{ r0 = Relu(x) {nodes} y = Gemm<transB=1>(r8, w) }}"
    return parse(text, **_weights(w=(12, 12)))


def raw_signal_in_fixed_batches() -> ir.Model:
    return parse(
        """(float[5,2,40] x) => (y) {
            a = Conv<strides=[2]>(x, w0)
            r = Relu(a)
            y = Conv(r, w1)
        }""",
        **_weights(w0=(6, 2, 5), w1=(3, 6, 3)),
    )


def channels_last() -> ir.Model:
    return parse(
        """(float[N,16,16,3] x) => (y) {
            t = Transpose<perm=[0,3,1,2]>(x)
            y = Conv(t, w0)
        }""",
        **_weights(w0=(6, 3, 3, 3)),
    )


UNIT, PIXELS = Range(-1, 1), Range(0, 255)
CASES = [
    (network, reach)
    for network in (residual, branching, deep_products, raw_signal_in_fixed_batches, channels_last)
    for reach in (UNIT, PIXELS)
]


@pytest.mark.parametrize(("network", "reach"), [*CASES, (gated, UNIT)])
def test_networks_of_many_kinds_stay_what_they_are(
    network: Callable[[], ir.Model], reach: Range
) -> None:
    result = quantize(network(), load_choices("leaves"), input_ranges={"x": reach})
    noise = result.steps[-1].signal_to_noise
    # Eight bits of a signal that fills its range have 50 dB; each layer rounds anew.
    assert noise is not None
    assert noise > 24
    scales = [float(s) for p in result.plan.activations.values() for s in p.scales]
    assert all(0 < scale < np.inf for scale in scales)


def test_what_batch_normalization_kept_counts_where_it_did() -> None:
    model = residual()
    value = next(v for node in model.graph for v in node.outputs if v.name == "a")
    write_channel_statistics(value, np.arange(8.0), np.ones(8))
    result = quantize(model, load_choices("leaves"), input_ranges={"x": Range(-1, 1)})
    (noted,) = (step for step in result.steps if step.name == "statistics")
    assert [note.where for note in noted.notes] == ["b", "y"]


@pytest.mark.parametrize(
    ("settings", "clears"),
    [
        ({"per_channel": False}, True),
        ({"per_channel": True}, False),
        ({"per_channel": True, "layer_statistics": "kept"}, True),
        ({"per_channel": False, "dead_channels": False}, False),
    ],
)
def test_dead_channels_by_samples_count_where_weights_share_a_scale(
    settings: dict[str, object], clears: bool
) -> None:
    choices = load_choices("leaves").changed(settings)
    steps = quantize(residual(), choices, input_ranges={"x": UNIT}).steps
    assert ("clear dead channels" in [step.name for step in steps]) == clears


def test_an_input_of_unknown_range_is_asked_for() -> None:
    with pytest.raises(InvalidData, match=r"input x: .*--input-range x=LOW,HIGH"):
        quantize(residual(), load_choices("leaves"))
