# SPDX-License-Identifier: Apache-2.0
"""How fast the vectorized engine simulates MobileNetV1-0.75 at 224 x 224, with random weights.

    python -m benchmarks.vectorized [--images 40] [--threads 2] [--profile]

It prints images a second, with a thread an image, and the CPU time of one image.  The graph has the
shapes, types and arithmetic of the real network: u8 activations, i8 weights a channel, i32
accumulators that wrap, a requantizer a channel.
"""

import argparse
import cProfile
import math
import pstats
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import AveragePool2d, Conv2d, MatMul, Requantize, RequantizedSum
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.moves import Reshape
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics import (
    Float32,
    Float32Multiply,
    IntType,
    MultiplyShift,
    Requantizer,
    Rounding,
    Scaling,
)
from intaglio.numerics.accumulator import Accumulator
from intaglio.simulator.vectorized import Program, one_blas_thread

U8, I8, I32 = IntType(8, signed=False), IntType(8, signed=True), IntType(32, signed=True)

LAYERS = (
    (48, 1),
    (96, 2),
    (96, 1),
    (192, 2),
    (192, 1),
    (384, 2),
    *[(384, 1)] * 5,
    (768, 2),
    (768, 1),
)
"""Output channels and stride of each pair of a depthwise and a pointwise convolution."""

CLASSES = 1000


def multiply_shift(scale: float) -> Scaling:
    """A 31-bit multiplier, halves upwards."""
    fraction, exponent = math.frexp(scale)
    return MultiplyShift(round(fraction * 2**31), 31 - exponent, Rounding.HALF_TOWARD_POSITIVE)


def float32_multiply(scale: float) -> Scaling:
    """A float32 factor."""
    return Float32Multiply(Float32.from_value(scale))


SCALINGS: dict[str, Callable[[float], Scaling]] = {
    "multiply-shift": multiply_shift,
    "float32-multiply": float32_multiply,
}


def mobilenet_v1(scaling: Callable[[float], Scaling], seed: int = 0) -> Graph:
    """MobileNetV1-0.75 with random weights and scales that keep activations spread."""
    rng = np.random.default_rng(seed)
    builder = Builder("mobilenet_v1_075", Level.FIXED)
    value = builder.input("image", TensorType(U8, (1, 224, 224, 3)))
    value = _convolution(builder, rng, scaling, value, 24, 3, 2, 1)
    for outputs, stride in LAYERS:
        channels = builder.type_of(value).shape[3]
        value = _convolution(builder, rng, scaling, value, channels, 3, stride, channels)
        value = _convolution(builder, rng, scaling, value, outputs, 1, 1, 1)
    _, rows, columns, channels = builder.type_of(value).shape
    mean = Requantizer(scaling(1 / (rows * columns)), 0, 0, 255)
    pool = AveragePool2d(RequantizedSum(0, (mean,) * (rows * columns)), (rows, columns))
    value = builder.node("pool", TensorType(U8, (1, 1, 1, channels)), pool, [value])
    value = builder.node("flat", TensorType(U8, (1, channels)), Reshape(), [value])
    weights = rng.integers(-127, 128, (channels, CLASSES))
    matrix = builder.constant("fc_weights", TensorType(I8, weights.shape), weights)
    logits = TensorType(I32, (1, CLASSES))
    value = builder.node("logits", logits, MatMul(Accumulator(I32)), [value, matrix])
    return builder.finish([value])


def _convolution(
    builder: Builder,
    rng: np.random.Generator,
    scaling: Callable[[float], Scaling],
    x: str,
    outputs: int,
    kernel: int,
    stride: int,
    groups: int,
) -> str:
    _, rows, columns, channels = builder.type_of(x).shape
    depth = channels // groups
    weights = rng.normal(0, 40, (outputs, kernel, kernel, depth)).round().clip(-127, 127)
    bias = rng.integers(-2000, 2000, outputs)
    # As TensorFlow pads: what a stride leaves over lies behind.
    total = max(kernel - stride, 0) if rows % stride == 0 else kernel - 1
    pads = (total // 2, total // 2, total - total // 2, total - total // 2)
    op = Conv2d(Accumulator(I32), (stride, stride), pads, groups=groups)
    shape = (1, -(-rows // stride), -(-columns // stride), outputs)
    operands = [
        x,
        builder.constant("weights", TensorType(I8, weights.shape), weights.astype(np.int8)),
        builder.constant("bias", TensorType(I32, bias.shape), bias),
    ]
    accumulator = builder.node("accumulator", TensorType(I32, shape), op, operands)
    spread = 40 * 80 * math.sqrt(kernel * kernel * depth)
    factors = rng.uniform(60, 120, outputs) / spread
    requantizers = tuple(Requantizer(scaling(float(f)), 0, 0, 255) for f in factors)
    return builder.node("codes", TensorType(U8, shape), Requantize(requantizers), [accumulator])


def measure(graph: Graph, images: int, threads: int) -> str:
    """A line of figures."""
    began = time.perf_counter()
    program = Program(graph)
    prepared = time.perf_counter() - began
    rng = np.random.default_rng(1)
    inputs = [rng.integers(0, 256, (1, 224, 224, 3), dtype=np.uint8) for _ in range(images)]

    def run(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
        cpu = time.thread_time()
        program.run({"image": image})
        return time.thread_time() - cpu

    run(inputs[0])
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        cpu = sorted(pool.map(run, inputs))
    wall = time.perf_counter() - began
    median = cpu[len(cpu) // 2]
    return (
        f"{images / wall:6.1f} images/s on {threads} thread(s), "
        f"{1000 * median:5.1f} ms CPU an image, prepared in {prepared:.2f} s"
    )


def main() -> None:
    """Measure every requantizer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    arguments = parser.parse_args()
    with one_blas_thread():
        for name, scaling in SCALINGS.items():
            graph = mobilenet_v1(scaling)
            if not arguments.profile:
                print(f"{name:18s}", measure(graph, arguments.images, arguments.threads))
                continue
            with cProfile.Profile() as profile:
                measure(graph, arguments.images, 1)
            pstats.Stats(profile).sort_stats("tottime").print_stats(15)


if __name__ == "__main__":
    main()
