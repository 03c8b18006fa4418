# SPDX-License-Identifier: Apache-2.0
"""Files that can't be taken, each with the sentence that says why."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from intaglio.errors import InvalidFile, InvalidOption, UnsupportedModel
from intaglio.frontends.tflite import import_tflite
from tests.frontends.tflite.writing import Operator, Tensor, write

_WINDOW = {"Padding": 1, "StrideW": 1, "StrideH": 1}
_PLANE = Tensor((1, 3, 3, 1))
_KERNEL = Tensor((1, 1, 1, 1), data=b"\x05", scales=(0.25,))
_BIAS = Tensor((1,), "INT32", (0.125,), data=bytes(4))
_CONV = Operator("CONV_2D", (0, 1, 2), (3,), "Conv2DOptions", _WINDOW)


def _conv(
    x: Tensor = _PLANE,
    kernel: Tensor = _KERNEL,
    bias: Tensor = _BIAS,
    y: Tensor = _PLANE,
) -> bytes:
    return write([x, kernel, bias, y], [_CONV], [0], [3])


def _reasons(content: bytes) -> str:
    with pytest.raises(UnsupportedModel) as raised:
        import_tflite(content, "net")
    assert str(raised.value).startswith("net has ")
    return "\n".join(raised.value.problems)


def test_the_model_without_a_fault_is_taken() -> None:
    assert len(import_tflite(_conv(), "net").nodes) == 1


@pytest.mark.parametrize(
    "scale", [0.0, -0.5, float("inf"), float("nan"), 1e-40], ids=lambda scale: f"{scale}"
)
@pytest.mark.parametrize("place", ["x", "kernel", "bias", "y"])
def test_a_scale_that_is_no_positive_normal_number(place: str, scale: float) -> None:
    tensors = {"x": _PLANE, "kernel": _KERNEL, "bias": _BIAS, "y": _PLANE}
    tensors[place] = replace(tensors[place], scales=(scale,))
    assert "a positive normal float32 is expected" in _reasons(_conv(**tensors))


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"x": replace(_PLANE, zero_points=(128,))}, "has the zero point 128, no i8"),
        ({"y": replace(_PLANE, zero_points=(-129,))}, "has the zero point -129, no i8"),
        ({"bias": replace(_BIAS, zero_points=(1,))}, "a bias with the zero point 1; 0 is expected"),
        ({"kernel": replace(_KERNEL, data=None)}, "is no input and no constant"),
        ({"kernel": replace(_KERNEL, data=b"\0\0")}, "has 2 bytes in the file; 1 are expected"),
        ({"kernel": replace(_KERNEL, kind="INT64", data=bytes(8))}, "of type i64"),
        ({"kernel": replace(_KERNEL, scales=())}, "without a scale"),
        ({"kernel": replace(_KERNEL, shape=(1,))}, "4 axes are expected"),
        ({"bias": replace(_BIAS, scales=(0.5,))}, "the product of the scales"),
        ({"bias": replace(_BIAS, kind="FLOAT32", scales=())}, "in float32; quantize the model"),
        ({"bias": replace(_BIAS, shape=(2,), data=bytes(8))}, "2 elements for 1 channels"),
        ({"x": replace(_PLANE, shape=(1, 2, 2, 1))}, "gives t3 the shape [1, 2, 2, 1]"),
        ({"x": replace(_PLANE, shape=(1, 0, 3, 1))}, "without elements"),
        ({"x": replace(_PLANE, shape=(1, 1 << 20, 1 << 20, 1))}, "more than 2**31 - 1 elements"),
        ({"x": replace(_PLANE, shape=(1,) * 17)}, "17 axes, more than 16"),
        ({"x": replace(_PLANE, kind="FLOAT16")}, "is of type FLOAT16"),
        (
            {"x": replace(_PLANE, scales=(1.0, 2.0, 1.0), zero_points=(0,), axis=1)},
            "several scales; use one",
        ),
        ({"x": replace(_PLANE, scales=(1.0, 2.0), zero_points=(0,), axis=1)}, "2 scales along"),
        ({"x": replace(_PLANE, zero_points=(0, 0, 0))}, "1 scales and 3 zero points"),
        ({"y": replace(_PLANE, scales=())}, "which has no scale"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_tensor_that_does_not_fit(tensors: dict[str, Tensor], reason: str) -> None:
    assert reason in _reasons(_conv(**tensors))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"StrideH": 0}, "the option StrideH = 0; expected StrideH and StrideW of 1 or more"),
        ({"StrideW": -1}, "the option StrideW = -1"),
        ({"DilationHFactor": 0}, "the option DilationHFactor = 0"),
        ({"Padding": 7}, "the option Padding = 7; expected the padding SAME or VALID"),
        ({"FusedActivationFunction": 4}, "the fused activation 4; expected a fused activation"),
    ],
)
def test_an_option_that_is_not_supported(options: dict[str, int], reason: str) -> None:
    step = replace(_CONV, options=_WINDOW | options)
    assert reason in _reasons(write([_PLANE, _KERNEL, _BIAS, _PLANE], [step], [0], [3]))


def _chain(steps: Sequence[Operator], outputs: Sequence[int] = (2,)) -> bytes:
    return write([Tensor((2,))] * 4, steps, [0], outputs)


def _relu(operand: int, result: int) -> Operator:
    return Operator("RELU", (operand,), (result,))


def test_a_cycle_reads_what_nothing_computed_before() -> None:
    reason = "reads t1, which is no input and no constant, before an operator computes it"
    assert reason in _reasons(_chain([_relu(1, 2), _relu(2, 1)]))


def test_a_tensor_is_written_once() -> None:
    assert "which has a value already" in _reasons(_chain([_relu(0, 2), _relu(0, 2)]))
    assert "which has a value already" in _reasons(_chain([_relu(0, 1), _relu(1, 0)], outputs=[0]))


def test_every_refused_operator_is_named_at_once() -> None:
    steps = [
        Operator("CUMSUM", (0,), (1,)),
        _relu(1, 3),
        Operator("RELU6", (3,), (2,)),
        Operator("ROUND", (0,), (4,)),
    ]
    reasons = _reasons(write([Tensor((2,))] * 5, steps, [0], [2, 4]))
    assert "operator 0 (CUMSUM) of t1: the operator is not supported" in reasons
    assert "operator 3 (ROUND) of t4: the operator is not supported" in reasons
    assert "RELU" not in reasons


def test_what_no_output_needs_is_not_read() -> None:
    content = _chain([Operator("CUMSUM", (0,), (1,)), _relu(0, 2)])
    assert len(import_tflite(content, "net").nodes) == 1


def test_a_float_operator_among_quantized_ones_is_named() -> None:
    real = Tensor((2,), "FLOAT32", (), ())
    tensors = [Tensor((2,)), real, real, Tensor((2,))]
    steps = [
        Operator("DEQUANTIZE", (0,), (1,)),
        Operator("EXP", (1,), (2,)),
        Operator("QUANTIZE", (2,), (3,)),
    ]
    reasons = _reasons(write(tensors, steps, [0], [3]))
    assert "operator 1 (EXP) of t2: reads t1 in float32; quantize the model in full" in reasons


def test_float32_that_was_computed_is_not_quantized_again() -> None:
    real = Tensor((2,), "FLOAT32", (), ())
    steps = [Operator("DEQUANTIZE", (0,), (1,)), Operator("QUANTIZE", (1,), (2,))]
    content = write([Tensor((2,)), real, Tensor((2,))], steps, [0], [2])
    assert "which is float32 but no input of the model" in _reasons(content)


def test_weights_in_codes_alone_are_a_float_model() -> None:
    """Dynamic-range quantization: what is computed is float32."""
    real = Tensor((1, 2), "FLOAT32", (), ())
    weights = Tensor((2, 2), data=bytes(4))
    content = write([real, weights, real], [Operator("FULLY_CONNECTED", (0, 1), (2,))], [0], [2])
    with pytest.raises(InvalidFile, match="it is a float model"):
        import_tflite(content, "net")


def test_a_table_along_a_plane_of_billions_is_not_made() -> None:
    size = Tensor.plain((1, 1 << 30))
    tensors = [_PLANE, size, replace(_PLANE, shape=(1, 1, 1 << 30, 1))]
    for kind in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"):
        reasons = _reasons(write(tensors, [Operator(kind, (0, 1), (2,))], [0], [2]))
        assert "two extents of 1 to 65536 are expected" in reasons
    pool = {**_WINDOW, "FilterWidth": 1 << 20, "FilterHeight": 1 << 20}
    step = Operator("AVERAGE_POOL_2D", (0,), (1,), "Pool2DOptions", pool)
    assert "windows of at most 65,536 elements" in _reasons(
        write([_PLANE, _PLANE], [step], [0], [1])
    )


def test_a_huge_constant_is_not_made_of_a_small_one() -> None:
    amounts = Tensor.plain((0, 1 << 28))
    constant = Tensor.plain((1, 2))
    y = Tensor(((1 << 28) + 2,), "INT32", (), ())
    steps = [Operator("PAD", (1, 2), (3,), "PadOptions"), Operator("ADD", (0, 3), (4,))]
    reasons = _reasons(write([Tensor((2,)), constant, amounts, y, Tensor((2,))], steps, [0], [4]))
    assert "which is too large" in reasons


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 100, b"\x08\0\0\0TFL3" + bytes(60)])
def test_what_is_no_such_file(content: bytes) -> None:
    with pytest.raises(InvalidFile, match=r"^net: "):
        import_tflite(content, "net")


def test_lists_that_share_bytes_are_counted() -> None:
    """A short file whose operators are all one table, with a list as long as the file."""
    step = Operator("CONCATENATION", (0,) * 20_000, (1,))
    content = write([Tensor((2,))] * 2, [step] * 20_000, [0], [1])
    assert len(content) < 200_000
    with pytest.raises(InvalidFile, match="its lists are longer than the file"):
        import_tflite(content, "net")


def test_options_that_name_no_input() -> None:
    with pytest.raises(InvalidOption, match="is not an input of the model"):
        import_tflite(_conv(), "net", shapes={"other": (1,)})
    with pytest.raises(InvalidOption, match="is not a positive number"):
        import_tflite(_conv(), "net", batch=0)
