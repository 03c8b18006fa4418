# SPDX-License-Identifier: Apache-2.0
"""Convolutions and products of every shape that a form treats in its own way, under QEMU."""

from dataclasses import replace

import pytest

from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.function import Function
from intaglio.compiler.targets.tvm.kernels.choice import choose
from intaglio.compiler.targets.tvm.kernels.portable import FORM
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.schedule import steps
from tests.compiler.targets.tvm.neon.graphs import (
    I8,
    NEON_TARGETS,
    U8,
    Layers,
    extreme_samples,
)
from tests.simulator.compiled.test_vector_shapes import PLAIN, SHAPES
from tests.simulator.emulated.devices import assert_device_agrees

POINTWISE = replace(PLAIN, kernel=(1, 1), pads=(0, 0, 0, 0), x=I8)
DEPTHWISE = replace(PLAIN, channels=16, outputs=0, x=I8)
MORE = {
    "pointwise_column": replace(POINTWISE, side=(5, 1), channels=24, outputs=40),
    "pointwise_odd": replace(POINTWISE, side=(3, 3), channels=8, outputs=48),
    "pointwise_few": replace(POINTWISE, side=(2, 2), channels=72, outputs=3),
    "pointwise_step": replace(POINTWISE, side=(7, 9), strides=(3, 2), channels=40, batch=2),
    "first_signed": replace(PLAIN, side=(9, 10), channels=3, x=I8, outputs=8, strides=(2, 2)),
    "first_unpadded": replace(PLAIN, side=(9, 10), channels=3, x=I8, pads=(0, 0, 0, 0)),
    "long_rows": replace(PLAIN, side=(12, 6), channels=1, kernel=(10, 4), pads=(4, 1, 5, 1)),
    "wide_rows": replace(PLAIN, channels=5, kernel=(2, 7), x=I8, pads=(0, 3, 1, 3)),
    "one_row": replace(PLAIN, side=(1, 5), kernel=(1, 5), pads=(0, 0, 0, 0), channels=8, x=I8),
    "dilated_signed": replace(PLAIN, dilations=(3, 2), pads=(3, 2, 3, 2), x=I8, channels=8),
    "depthwise_dilated": replace(DEPTHWISE, dilations=(2, 3), pads=(2, 3, 2, 3)),
    "depthwise_one": replace(DEPTHWISE, side=(1, 1)),
    "depthwise_point": replace(DEPTHWISE, kernel=(1, 1), pads=(0, 0, 0, 0), side=(3, 5)),
    "depthwise_7x7": replace(DEPTHWISE, kernel=(7, 7), pads=(3, 3, 3, 3), strides=(2, 1)),
    "depthwise_column": replace(DEPTHWISE, kernel=(3, 1), pads=(1, 0, 1, 0), side=(9, 2)),
    "depthwise_apart": replace(DEPTHWISE, kernel=(2, 2), strides=(3, 3), side=(11, 17)),
    "depthwise_long": replace(DEPTHWISE, kernel=(1, 14), pads=(0, 7, 0, 6), channels=11),
    "depthwise_narrow": replace(DEPTHWISE, channels=5),
}
ALIKE = (
    *("plain", "wide", "zero_point", "signed_pointwise", "depthwise", "depthwise_few"),
    *("depthwise_signed", "few_outputs", "dilated", "first"),
)
"""Shapes of other machines' tests that another one covers here."""

PRODUCTS = [
    *((1, 640, 128), (1, 128, 8), (1, 8, 70), (1, 7, 33), (1, 1, 1), (3, 7, 33), (40, 16, 16)),
    *((2, 5, 3), (2, 72, 17), (7, 200, 12)),
]


def every_shape() -> Layers:
    layers = Layers()
    kinds = ("single", "rectified", "double", "far", "tight")
    shapes = [shape for name, shape in SHAPES.items() if name not in ALIKE]
    for number, shape in enumerate([*shapes, *MORE.values()]):
        sums = layers.convolution(shape, bias=number % 4 != 3)
        layers.requantized(sums, kinds[number % len(kinds)])
    for number, (rows, depth, outputs) in enumerate(PRODUCTS):
        sums = layers.product(rows, depth, outputs, U8 if number % 2 else I8)
        layers.requantized(sums, kinds[number % len(kinds)])
    return layers


UNSERVED = {"ordered", "depthwise_narrow"}


@pytest.mark.parametrize("name", [*SHAPES, *MORE])
def test_shapes_have_kernels_of_their_own(name: str) -> None:
    layers = Layers()
    layers.requantized(layers.convolution({**SHAPES, **MORE}[name]), "single")
    graph = layers.graph()
    (step,) = steps(graph)
    scope = Scope(Function(), graph, value_ranges(graph), step.node, step.followers)
    form = choose(scope, arm_machine(NEON_TARGETS[-1])).form
    assert (form == FORM) == (name in UNSERVED), form


@pytest.mark.emulated
@pytest.mark.parametrize("target", NEON_TARGETS)
def test_every_shape_gives_the_simulators_bits(target: str) -> None:
    graph = every_shape().graph()
    assert_device_agrees(graph, target, extreme_samples(graph, 4))
