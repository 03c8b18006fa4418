# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np

from intaglio.commands.export.columns import Column, Columns, Element, narrowest
from intaglio.compiler.ir import fixed
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    Float32Multiply,
    MultiplyShift,
    RationalMultiply,
    Shift,
    Thresholds,
)

UP = Rounding.HALF_TOWARD_POSITIVE


def by_path(columns: Columns) -> dict[str, Column]:
    assert len({each.path for each in columns.arrays}) == len(columns.arrays)
    return {each.path: each for each in columns.arrays}


def test_requantizers_become_an_array_for_each_field() -> None:
    op = fixed.Requantize(
        tuple(
            Requantizer(MultiplyShift(1 << 30 | n, 31 + n, UP), n - 1, -128, 127) for n in range(3)
        )
    )
    columns = Columns.of(op)
    assert columns.words == {
        "requantizers.kind": "requantizer",
        "requantizers.scaling.kind": "multiply_shift",
        "requantizers.scaling.rounding": "half-toward-positive",
    }
    arrays = {path: each.array.tolist() for path, each in by_path(columns).items()}
    assert arrays == {
        "requantizers.scaling.multiplier": [1 << 30, 1 << 30 | 1, 1 << 30 | 2],
        "requantizers.scaling.shift": [31, 32, 33],
        "requantizers.zero_point": [-1, 0, 1],
        "requantizers.low": [-128] * 3,
        "requantizers.high": [127] * 3,
    }
    multiplier = by_path(columns)["requantizers.scaling.multiplier"]
    assert (str(multiplier.element), multiplier.array.dtype) == ("i32", np.dtype(np.int32))


def test_a_convolution_keeps_scalars_and_pairs() -> None:
    op = fixed.Conv2d(
        Accumulator(IntType(20, signed=True)), strides=(2, 1), weight_zero_points=(5,)
    )
    columns = Columns.of(op)
    assert columns.words["accumulator.type"] == "i20"
    assert columns.words["accumulator.overflow"] == "wrap"
    arrays = by_path(columns)
    assert arrays["strides"].array.tolist() == [2, 1]
    assert arrays["groups"].array.shape == ()
    assert arrays["weight_zero_points"].array.tolist() == [5]


def test_records_of_several_classes_keep_their_places() -> None:
    scalings = (Shift(3, UP), MultiplyShift(7, 2, UP), Shift(-1, Rounding.FLOOR))
    op = fixed.Requantize(tuple(Requantizer(each, 0, 0, 255) for each in scalings))
    columns = Columns.of(op)
    assert columns.words["requantizers.scaling.kind"] == ["shift", "multiply_shift", "shift"]
    assert columns.words["requantizers.scaling.shift.rounding"] == [
        "half-toward-positive",
        "floor",
    ]
    arrays = {path: each.array.tolist() for path, each in by_path(columns).items()}
    assert arrays["requantizers.scaling.shift.index"] == [0, 2]
    assert arrays["requantizers.scaling.shift.shift"] == [3, -1]
    assert arrays["requantizers.scaling.multiply_shift.index"] == [1]
    assert arrays["requantizers.scaling.multiply_shift.multiplier"] == [7]


def test_tuples_of_one_length_are_rows_and_others_have_offsets() -> None:
    def thresholds(*rows: tuple[int, ...]) -> dict[str, Any]:
        op = fixed.Requantize(tuple(Requantizer(Thresholds(row), 0, 0, 3) for row in rows))
        return {path: each.array.tolist() for path, each in by_path(Columns.of(op)).items()}

    assert thresholds((1, 2), (3, 4))["requantizers.scaling.values"] == [[1, 2], [3, 4]]
    ragged = thresholds((1, 2, 3), (), (4,))
    assert ragged["requantizers.scaling.values"] == [1, 2, 3, 4]
    assert ragged["requantizers.scaling.values.offsets"] == [0, 3, 3, 4]


def test_floats_keep_every_bit() -> None:
    factors = tuple(Float32(bits) for bits in (0x3DCCCCCD, 0x00000001, 0x80000000))
    op = fixed.Requantize(tuple(Requantizer(Float32Multiply(each), 0, 0, 9) for each in factors))
    column = by_path(Columns.of(op))["requantizers.scaling.factor"]
    assert (str(column.element), column.array.dtype) == ("f32", np.dtype(np.float32))
    assert column.array.view(np.uint32).tolist() == [each.bits for each in factors]


def test_integers_beyond_64_bits_stay_exact() -> None:
    op = fixed.Requantize((Requantizer(RationalMultiply(3, 1 << 100, UP), 0, 0, 9),))
    column = by_path(Columns.of(op))["requantizers.scaling.denominator"]
    assert (column.element, column.array.tolist()) == (Element("i", 128), [1 << 100])


def test_the_narrowest_type_holds_the_ends() -> None:
    found = [
        str(narrowest(values))
        for values in (
            [0],
            [-128, 127],
            [128],
            [-129],
            [-(1 << 31), (1 << 31) - 1],
            [1 << 31],
            [-(1 << 63)],
            [1 << 63],
            [1 << 127],
        )
    ]
    assert found == ["i8", "i8", "i16", "i16", "i32", "i64", "i64", "i128", "i192"]
