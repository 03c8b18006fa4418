# SPDX-License-Identifier: Apache-2.0
"""Each case of CMSIS-NN as a small fixed graph."""

from collections.abc import Callable, Mapping

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import RescaledSum
from intaglio.numerics.profile.schemes import Scheme
from intaglio.numerics.requantizers import Requantizer
from tests.real.cmsis_nn import layers
from tests.real.cmsis_nn.arithmetic import contraction, product, rescaled_sum, scaling_of
from tests.real.cmsis_nn.bench import BIASES, Bench, Demand
from tests.real.cmsis_nn.case import Case
from tests.real.cmsis_nn.layers import I8, I16, I32, Plan, window
from tests.real.cmsis_nn.recurrent import lstm, svdf
from tests.real.cmsis_nn.softmax import softmax


def convolution(case: Case) -> Demand:
    """CONV_2D by groups, and TRANSPOSE_CONV."""
    bench = Bench(case)
    transposed = "transpose" in case.name
    inputs, outputs = bench.of("IN_CH"), bench.of("OUT_CH")
    depth = case.numbers.get("FILTER_CH", inputs)
    slide = window(case.numbers)
    x = bench.input((bench.of("INPUT_BATCHES"), bench.of("INPUT_H"), bench.of("INPUT_W"), inputs))
    weights = layers.constant(
        bench.builder, "weights", *bench.weights((outputs, *slide.kernel, depth))
    )
    return _convolved(bench, x, weights, slide, inputs // depth, transposed)


def depthwise(case: Case) -> Demand:
    """DEPTHWISE_CONV_2D, whose weights lie by row, column and channel."""
    bench = Bench(case)
    inputs, outputs = bench.of("IN_CH"), bench.of("OUT_CH")
    slide = window(case.numbers)
    x = bench.input((bench.of("INPUT_BATCHES"), bench.of("INPUT_H"), bench.of("INPUT_W"), inputs))
    array, bits = bench.weights((1, *slide.kernel, outputs))
    weights = layers.constant(bench.builder, "weights", array.transpose(3, 1, 2, 0), bits)
    return _convolved(bench, x, weights, slide, inputs, transposed=False)


def _convolved(
    bench: Bench, x: str, weights: str, slide: layers.Window, groups: int, transposed: bool
) -> Demand:
    outputs = bench.of("OUT_CH")
    plan = bench.plan(outputs)
    array = bench.case.find(BIASES, outputs)
    bias = None
    if array is not None:
        bias = layers.constant(bench.builder, "bias", array, plan.accumulator.bits)
    zero = -bench.of("INPUT_OFFSET")
    builder = bench.builder
    result = layers.convolution(builder, x, weights, bias, slide, groups, zero, plan, transposed)
    return bench.finish(result)


def dense(case: Case) -> Demand:
    """FULLY_CONNECTED."""
    bench = Bench(case)
    depth, outputs = bench.of("ACCUMULATION_DEPTH"), bench.of("OUT_CH")
    x = bench.input((bench.of("INPUT_BATCHES"), depth))
    array, bits = bench.weights((outputs, depth))
    bias, zero = case.find(BIASES, outputs), -bench.of("INPUT_OFFSET")
    plan = bench.plan(outputs)
    return bench.finish(layers.dense(bench.builder, x, array, bits, bias, zero, plan))


def batch_matmul(case: Case) -> Demand:
    """BATCH_MATMUL of int16; what has fewer batches is repeated, what is adjoint transposed."""
    bench = Bench(case)

    def operand(side: str, adjoint: bool) -> str:
        own = tuple(bench.of(f"{side}_{axis}") for axis in ("BATCH", "HEIGHT", "ROWS", "COLS"))
        value = bench.input(own, (f"{side.lower()}_input_tensor",))
        declared = bench.builder.type_of(value)
        for axis, name in enumerate(("OUTPUT_BATCH", "OUTPUT_HEIGHT")):
            times = bench.of(name) // own[axis]
            own = (*own[:axis], own[axis] * times, *own[axis + 1 :])
            declared = declared.with_shape(own)
            value = bench.builder.node("all", declared, fixed.Concat(axis), [value] * times)
        if not adjoint:
            return value
        turned = declared.with_shape((*own[:2], own[3], own[2]))
        return bench.builder.node("turned", turned, fixed.Transpose((0, 1, 3, 2)), [value])

    operands = [operand("LHS", bool(bench.of("ADJ_X"))), operand("RHS", bool(bench.of("ADJ_Y")))]
    axes = ("OUTPUT_BATCH", "OUTPUT_HEIGHT", "OUTPUT_ROWS", "OUTPUT_COLS")
    rule = contraction("mat_mul", I16, None)
    word = IntType(rule.accumulator_bits, signed=True)
    sums = TensorType(word, tuple(bench.of(axis) for axis in axes))
    total = bench.builder.node("sums", sums, fixed.MatMul(Accumulator(word)), operands)
    bounds = bench.of("ACTIVATION_MIN"), bench.of("ACTIVATION_MAX")
    multiplier, shift = bench.of("OUTPUT_MULTIPLIER"), bench.of("OUTPUT_SHIFT")
    plan = Plan(rule, [multiplier], [shift], bench.of("OUTPUT_OFFSET"), *bounds)
    return bench.finish(layers.requantize(bench.builder, total, plan, I16))


def pool(case: Case) -> Demand:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    bench = Bench(case)
    axes = ("BATCH_SIZE", "INPUT_H", "INPUT_W", "INPUT_C")
    x = bench.input(tuple(bench.of(axis) for axis in axes))
    made = layers.max_pool if case.name.startswith("max") else layers.average_pool
    bounds = bench.of("ACTIVATION_MIN"), bench.of("ACTIVATION_MAX")
    return bench.finish(made(bench.builder, x, window(case.numbers), *bounds))


def addition(case: Case) -> Demand:
    """ADD: three requantizers."""
    bench = Bench(case)
    shape = (bench.of("DST_SIZE"),)
    operands = [bench.input(shape, ("input1",)), bench.input(shape, ("input2",))]
    element = bench.builder.type_of(operands[0]).integer
    method = rescaled_sum(element)
    assert method.left_shift == bench.of("LEFT_SHIFT")
    arithmetic = RescaledSum(
        -bench.of("INPUT1_OFFSET"),
        -bench.of("INPUT2_OFFSET"),
        method.left_shift,
        scaling_of(method.scheme, bench.of("INPUT1_MULT"), bench.of("INPUT1_SHIFT")),
        scaling_of(method.scheme, bench.of("INPUT2_MULT"), bench.of("INPUT2_SHIFT")),
        _output(bench, method.scheme),
    )
    declared = bench.builder.type_of(operands[0])
    return bench.finish(bench.builder.node("codes", declared, fixed.Pairwise(arithmetic), operands))


def multiplication(case: Case) -> Demand:
    """MUL."""
    bench = Bench(case)
    shape = (bench.of("DST_SIZE"),)
    operands = [bench.input(shape, ("input1",)), bench.input(shape, ("input2",))]
    op = fixed.Multiply(-bench.of("INPUT1_OFFSET"), -bench.of("INPUT2_OFFSET"))
    exact = bench.builder.node("product", TensorType(I32, shape), op, operands)
    declared = bench.builder.type_of(operands[0])
    scheme = product("multiply", declared.integer, declared.integer)
    requantize = fixed.Requantize((_output(bench, scheme),))
    return bench.finish(bench.builder.node("codes", declared, requantize, [exact]))


def _output(bench: Bench, scheme: Scheme) -> Requantizer:
    scaling = scaling_of(scheme, bench.of("OUTPUT_MULT"), bench.of("OUTPUT_SHIFT"))
    bounds = bench.of("OUT_ACTIVATION_MIN"), bench.of("OUT_ACTIVATION_MAX")
    return Requantizer(scaling, bench.of("OUTPUT_OFFSET"), *bounds)


def extreme(case: Case) -> Demand:
    """MINIMUM and MAXIMUM, with broadcasting."""
    bench = Bench(case)
    axes = ("BATCH", "HEIGHT", "WIDTH", "CHANNEL")
    operands = [
        bench.input(tuple(bench.of(f"{axis}_{side}") for axis in axes), (f"input_tensor_{side}",))
        for side in (1, 2)
    ]
    left, right = (bench.builder.type_of(operand).shape for operand in operands)
    declared = TensorType(I8, np.broadcast_shapes(left, right))
    op = fixed.Maximum() if case.name.startswith("max") else fixed.Minimum()
    return bench.finish(bench.builder.node("codes", declared, op, operands))


def pad(case: Case) -> Demand:
    """PAD."""
    bench = Bench(case)
    axes = "NHWC"
    shape = tuple(bench.of(f"INPUT_{axis}") for axis in axes)
    before = tuple(bench.of(f"PRE_PAD_{axis}") for axis in axes)
    after = tuple(bench.of(f"POST_PAD_{axis}") for axis in axes)
    x = bench.input(shape)
    extents = zip(before, shape, after, strict=True)
    declared = TensorType(I8, tuple(sum(extent) for extent in extents))
    op = fixed.Pad(before, after, value=bench.of("PAD_VALUE"))
    return bench.finish(bench.builder.node("codes", declared, op, [x]))


TRANSPOSES: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "transpose_3dim": ((5, 4, 20), (0, 2, 1)),
    "transpose_chwn": ((5, 6, 8, 17), (3, 1, 2, 0)),
    "transpose_matrix": ((5, 20), (1, 0)),
    "transpose_ncwh": ((5, 4, 3, 9), (0, 3, 2, 1)),
    "transpose_nwhc": ((1, 19, 3, 64), (0, 2, 1, 3)),
}
"""Extents and permutations: macros with lists, which the archive lacks.

The order of the axes is the case's name; the extents follow from input and output.
"""


def transpose(case: Case) -> Demand:
    """TRANSPOSE."""
    bench = Bench(case)
    shape, permutation = TRANSPOSES[case.name]
    declared = TensorType(I8, tuple(shape[axis] for axis in permutation))
    operands = [bench.input(shape)]
    op = fixed.Transpose(permutation)
    return bench.finish(bench.builder.node("codes", declared, op, operands))


def network(case: Case) -> Demand:
    """The keyword spotter DS-CNN: convolutions, a pool, a dense layer, a softmax."""
    bench = Bench(case)
    builder, first = bench.builder, _layer(case, "CONV_2D_1")
    value = bench.input((1, first["INPUT_H"], first["INPUT_W"], first["IN_CH"]))
    for number in range(1, 12):
        kind = "depthwise_conv_2d" if number % 2 == 0 else "conv_2d"
        value = _network_convolution(bench, value, kind, number)
    numbers = _layer(case, "AVERAGE_POOL_2D_12")
    value = layers.average_pool(builder, value, window(numbers), *_bounds(numbers))
    numbers = _layer(case, "FULLY_CONNECTED_14")
    outputs, depth = numbers["IN_CH"], builder.type_of(value).size
    flat = builder.type_of(value).with_shape((1, depth))
    value = builder.node("flat", flat, fixed.Reshape(), [value])
    weights = case.array(("layer_14_fully_connected_weights",)).reshape(outputs, depth)
    bias = case.array(("layer_14_fully_connected_bias",), outputs)
    multiplier, shift = numbers["OUTPUT_MULTIPLIER"], numbers["OUTPUT_SHIFT"]
    rule = contraction("fully_connected", I8, I32)
    plan = Plan(rule, [multiplier], [shift], numbers["OUTPUT_OFFSET"], *_bounds(numbers))
    value = layers.dense(builder, value, weights, I8.bits, bias, -numbers["INPUT_OFFSET"], plan)
    numbers = _layer(case, "SOFTMAX_15")
    parameters = numbers["MULT"], numbers["SHIFT"], numbers["DIFF_MIN"]
    softmax = fixed.Softmax(fixed.FixedPointSoftmax(*parameters, low=-128, high=127), axis=1)
    return bench.finish(builder.node("codes", builder.type_of(value), softmax, [value]))


def _network_convolution(bench: Bench, x: str, kind: str, number: int) -> str:
    case, builder = bench.case, bench.builder
    numbers, stem = _layer(case, f"{kind.upper()}_{number}"), f"layer_{number}_{kind}"
    slide, inputs, outputs = window(numbers), numbers["IN_CH"], numbers["OUT_CH"]
    array = case.array((f"{stem}_weights",))
    if kind == "conv_2d":
        groups, array = 1, array.reshape(outputs, *slide.kernel, inputs)
    else:
        groups, array = inputs, array.reshape(1, *slide.kernel, outputs).transpose(3, 1, 2, 0)
    weights = layers.constant(builder, "weights", array, I8.bits)
    bias = layers.constant(builder, "bias", case.array((f"{stem}_bias",), outputs), I32.bits)
    op = "conv2d" if kind == "conv_2d" else "depthwise_conv2d"
    plan = Plan(
        contraction(op, I8, I32),
        case.array((f"{stem}_output_mult",), outputs).tolist(),
        case.array((f"{stem}_output_shift",), outputs).tolist(),
        numbers["OUTPUT_OFFSET"],
        *_bounds(numbers),
    )
    zero = -numbers["INPUT_OFFSET"]
    return layers.convolution(builder, x, weights, bias, slide, groups, zero, plan)


def _layer(case: Case, stem: str) -> dict[str, int]:
    marked = {key: value for key, value in case.numbers.items() if key.startswith(f"{stem}_")}
    return {key.removeprefix(f"{stem}_"): value for key, value in marked.items()}


def _bounds(numbers: Mapping[str, int]) -> tuple[int, int]:
    return numbers["OUT_ACTIVATION_MIN"], numbers["OUT_ACTIVATION_MAX"]


BUILDERS: Mapping[str, Callable[[Case], Demand]] = {
    "add": addition,
    "avgpooling": pool,
    "basic": convolution,
    "batch": batch_matmul,
    "conv": convolution,
    "depthwise": depthwise,
    "ds": network,
    "dw": depthwise,
    "fc": dense,
    "fully": dense,
    "grouped": convolution,
    "int16xint8": convolution,
    "int16xint8xint32": convolution,
    "kernel1x1": convolution,
    "lstm": lstm,
    "maximum": extreme,
    "maxpool": pool,
    "maxpooling": pool,
    "minimum": extreme,
    "mul": multiplication,
    "pad": pad,
    "requantize": convolution,
    "reverse": convolution,
    "softmax": softmax,
    "stride2pad1": convolution,
    "svdf": svdf,
    "transpose": transpose,
    "transpose_conv": convolution,
}
"""By what a case's name begins with; the longest counts."""


def build(case: Case) -> Demand:
    """The case's graph, its inputs and its output."""
    stems = [stem for stem in BUILDERS if f"{case.name}_".startswith(f"{stem}_")]
    return BUILDERS[max(stems, key=len)](case)
