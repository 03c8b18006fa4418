# SPDX-License-Identifier: Apache-2.0
"""What the frontend reads under ``torch-pt2e`` is what PyTorch computes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torchao.quantization.pt2e  # noqa: F401  # registers torch.ops.quantized_decomposed

from intaglio.compiler.ir import scaled
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.frontends.torch import import_torch
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.frontends.onnx.qdq_models import Array
from tests.frontends.torch.programs import codes_of, quantized, run
from tests.simulator.engines import Agree, assert_engines_agree, assert_engines_agree_elementwise

PROFILE = load_profile("torch-pt2e")


@dataclass(frozen=True, slots=True)
class Codes:
    """A quantization as ``quantize_per_tensor`` takes it."""

    scale: float
    zero_point: int = 0
    low: int = -128
    high: int = 127
    dtype: torch.dtype = torch.int8

    def __call__(self, x: Any) -> Any:
        """Quantize, and dequantize again."""
        ops = torch.ops.quantized_decomposed
        arguments = (self.scale, self.zero_point, self.low, self.high, self.dtype)
        return ops.dequantize_per_tensor(ops.quantize_per_tensor(x, *arguments), *arguments)


class Program(torch.nn.Module):
    """A function between two quantizations."""

    def __init__(self, function: Callable[..., Any], given: Codes, result: Codes) -> None:
        super().__init__()
        self.function, self.given, self.result = function, given, result

    def forward(self, *inputs: Any) -> Any:
        return self.result(self.function(*[self.given(x) for x in inputs]))


def exported(function: Callable[..., Any], given: Codes, result: Codes, *inputs: Array) -> Any:
    tensors = tuple(torch.from_numpy(x) for x in inputs)
    return torch.export.export(Program(function, given, result).eval(), tensors)


def demand_equality(
    function: Callable[..., Any],
    given: Codes,
    result: Codes,
    *inputs: Array,
    agree: Agree = assert_engines_agree,
) -> None:
    """Every value of every engine is PyTorch's."""
    program = exported(function, given, result, *inputs)
    graph = select_arithmetic(import_torch(program, "small"), PROFILE)
    with torch.no_grad():
        expected = program.module()(*(torch.from_numpy(x) for x in inputs)).numpy()
    feeds = {node.name: x for node, x in zip(graph.inputs, inputs, strict=True)}
    found = agree(graph, feeds)
    np.testing.assert_array_equal(found[graph.outputs[0]], expected)


def every_code(scale: float, zero_point: int) -> Array:
    return ((np.arange(-128, 128) - zero_point) * np.float32(scale)).astype(np.float32)


def every_pair(scale: float, zero_point: int) -> tuple[Array, Array]:
    codes = every_code(scale, zero_point)
    left, right = np.meshgrid(codes, codes)
    return left.reshape(1, -1), right.reshape(1, -1)


SCALES = [(0.5, 1.0), (0.7, 1.4)]


def f32(value: float) -> float:
    return float(np.float32(value))


@pytest.mark.parametrize(("scale", "wanted"), SCALES)
def test_quantize_multiplies_by_the_reciprocal(scale: float, wanted: float) -> None:
    rng = np.random.default_rng(0)
    halves = (np.arange(-300, 300) + 0.5).astype(np.float32) * np.float32(scale)
    x = np.concatenate([halves, rng.normal(0, 40, 4000).astype(np.float32)])
    agree = assert_engines_agree_elementwise
    given, result = Codes(f32(scale), 3), Codes(f32(wanted), -5)
    demand_equality(lambda x: x, given, result, x[None], agree=agree)


@pytest.mark.parametrize(("scale", "wanted"), SCALES)
@pytest.mark.parametrize("function", [torch.add, torch.sub, torch.mul])
def test_every_pair_of_codes(function: Any, scale: float, wanted: float) -> None:
    given = Codes(f32(scale), 7)
    left, right = every_pair(given.scale, given.zero_point)
    agree = assert_engines_agree_elementwise
    demand_equality(function, given, Codes(f32(wanted), 5), left, right, agree=agree)


@pytest.mark.parametrize(("scale", "wanted"), SCALES[1:])
@pytest.mark.parametrize(
    "function",
    [torch.relu, torch.nn.functional.relu6, lambda x: torch.nn.functional.leaky_relu(x, 0.1)],
)
def test_activations(function: Any, scale: float, wanted: float) -> None:
    x = every_code(f32(scale), 7).reshape(1, -1)
    demand_equality(function, Codes(f32(scale), 7), Codes(f32(wanted), 5), x)


def test_a_narrower_range_of_codes() -> None:
    low, high = -64, 63
    x = np.linspace(-90, 90, 2001, dtype=np.float32)[None]
    demand_equality(torch.relu, Codes(f32(0.3), 1, low, high), Codes(f32(0.4), -3, low, high), x)


class Network(torch.nn.Module):
    """Convolutions with BatchNorm, a residual sum, pools and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn
        self.first = nn.Conv2d(3, 8, 3, padding=1, stride=2)
        self.normalized = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 8, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(8, 10)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.normalized(self.first(x)))
        y = torch.nn.functional.relu6(self.depthwise(x))
        x = torch.nn.functional.max_pool2d(self.pointwise(y) + x, 2)
        return self.linear(torch.flatten(self.pool(x), 1))


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_network_that_pt2e_quantized(per_channel: bool) -> None:
    torch.manual_seed(0)
    program = quantized(Network(), (1, 3, 16, 16), per_channel)
    imported = import_torch(program, "network")
    graph = select_arithmetic(imported, PROFILE)
    kinds = [type(node.op) for node in imported.nodes]
    assert kinds.count(scaled.Conv2d) == 3
    x = np.random.default_rng(1).normal(size=(1, 3, 16, 16)).astype(np.float32)
    found: dict[str, Array] = {}
    vectorized.run(graph, {graph.inputs[0].name: x}, found.__setitem__)
    result = found[graph.outputs[0]]
    codes = codes_of(program, x)
    np.testing.assert_array_equal(found[graph.nodes[0].name], codes["quantize_per_tensor"])
    # Sums of products are exact here and in some order of float32 there: one code at most.
    scale = imported.nodes[-2].type.scaled.scale.value
    steps = np.rint(np.abs(result - run(program, x)) / scale)
    assert steps.max() <= 1


def test_a_scale_that_is_no_float32_is_refused() -> None:
    x = np.zeros((1, 4), np.float32)
    program = exported(torch.relu, Codes(0.1), Codes(0.25), x)
    with pytest.raises(UnsupportedModel, match=r"its scale 0\.1 is no positive float32"):
        import_torch(program, "small")


def test_a_float_result_is_refused_by_name() -> None:
    x = np.zeros((1, 4), np.float32)
    linear = torch.nn.Linear(4, 2).eval()
    program = torch.export.export(linear, (torch.from_numpy(x),))
    with pytest.raises(UnsupportedModel, match="node_linear"):
        import_torch(program, "small")
