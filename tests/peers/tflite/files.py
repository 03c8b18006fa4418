# SPDX-License-Identifier: Apache-2.0
"""Files of one operator that the subjects leave out, whose codes the runtimes tell."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from intaglio.commands.peers.catalog import Peer
from tests.frontends.tflite.writing import Array, Operator, OptionValue, Tensor, write

LITERT = (Peer.LITERT_REF, Peer.LITERT_REF_1_2, Peer.LITERT_OPT, Peer.LITERT)
PEERS = (*LITERT, Peer.TFLM)
_INT32 = 2
_ZERO_POINTS = {"INT8": -7, "UINT8": 121, "INT16": 0}
_WINDOW = {"Padding": 0, "StrideW": 1, "StrideH": 1}


@dataclass(frozen=True, slots=True)
class File:
    """A file, and the runtimes that have a kernel for its operator."""

    label: str
    content: bytes
    peers: tuple[Peer, ...] = PEERS


def files() -> Iterator[File]:
    """All of them."""
    yield from _narrow_biases()
    yield from _rectifiers()
    yield from _nearest_resizes()
    yield from _powers_of_two()
    yield from _moves()
    yield from _joins()


def _narrow_biases() -> Iterator[File]:
    """int16 codes beside a bias of 32 bits, or none."""
    rng = np.random.default_rng(0)
    scales = tuple(float(np.float32(scale)) for scale in rng.uniform(0.001, 0.01, 4))
    for bias in ("INT32", "none INT32", "none"):
        for channels in (1, 4):
            chosen = scales[:channels]
            operands = [_weights(rng, (4, 9), chosen), *_biases(rng, bias, chosen)]
            tensors = [Tensor((4096, 9), "INT16", (0.003,)), *operands]
            options: dict[str, OptionValue] = {"QuantizedBiasType": _INT32 if bias != "none" else 0}
            step = _step("FULLY_CONNECTED", tensors, "FullyConnectedOptions", options)
            y = Tensor((4096, 4), "INT16", (0.0123,))
            content = write([*tensors, y], [step], [0], [len(tensors)])
            yield File(f"FULLY_CONNECTED {channels} scales, bias {bias}", content)
        operands = [_weights(rng, (4, 3, 3, 6), scales), *_biases(rng, bias, scales)]
        x, y = Tensor((1, 90, 90, 6), "INT16", (0.003,)), Tensor((1, 90, 90, 4), "INT16", (0.06,))
        tensors = [x, *operands]
        step = _step("CONV_2D", tensors, "Conv2DOptions", {**_WINDOW, **options})
        content = write([*tensors, y], [step], [0], [len(tensors)])
        # LiteRT wants a bias.
        yield File(f"CONV_2D, bias {bias}", content, PEERS if bias == "INT32" else (Peer.TFLM,))
        tensors = [Tensor.plain(y.shape), operands[0], x, *operands[1:]]
        step = _step("TRANSPOSE_CONV", tensors, "TransposeConvOptions", {**_WINDOW, **options})
        content = write([*tensors, y], [step], [2], [len(tensors)])
        # TensorFlow Lite Micro reads every bias as int64, and sums in 64 bits without one.
        yield File(f"TRANSPOSE_CONV, bias {bias}", content, LITERT if bias != "none" else PEERS)


def _step(
    kind: str, tensors: list[Tensor], options_type: str, options: dict[str, OptionValue]
) -> Operator:
    return Operator(kind, tuple(range(len(tensors))), (len(tensors),), options_type, options)


def _weights(rng: np.random.Generator, shape: tuple[int, ...], scales: tuple[float, ...]) -> Tensor:
    codes: Array = rng.integers(-127, 128, shape).astype(np.int8)
    return Tensor(shape, "INT8", scales, (0,) * len(scales), data=codes.tobytes())


def _biases(rng: np.random.Generator, kind: str, scales: tuple[float, ...]) -> list[Tensor]:
    if kind != "INT32":
        return []
    products = tuple(float(np.float32(0.003) * np.float32(scale)) for scale in scales)
    codes = rng.integers(-9000, 9000, 4).astype(np.int32)
    return [Tensor((4,), kind, products, (0,) * len(products), data=codes.tobytes())]


def _rectifiers() -> Iterator[File]:
    """RELU and its relatives, in the operand's scale and in another one."""
    for kind, zero_point in _ZERO_POINTS.items():
        scale = 0.0007 if kind == "INT16" else 0.031
        for name in ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"):
            for other in (False, True):
                x = Tensor((1, 5000), kind, (scale,), (zero_point,))
                y = x
                if other:
                    shift = 0 if kind == "INT16" else 5
                    y = Tensor((1, 5000), kind, (scale * 1.37,), (zero_point + shift,))
                content = write([x, y], [Operator(name, (0,), (1,))], [0], [1])
                found = tuple(peer for peer in PEERS if _has(peer, name, kind, other))
                if found:
                    yield File(f"{name} {kind} other {other}", content, found)


def _has(peer: Peer, name: str, kind: str, other: bool) -> bool:
    """Which kernels there are; TensorFlow Lite Micro's RELU6 doesn't rescale."""
    if peer is Peer.TFLM:
        return kind != "UINT8" and (name == "RELU" or (name == "RELU6" and not other))
    return kind != "INT16" or name in ("RELU", "RELU6")


def _nearest_resizes() -> Iterator[File]:
    """RESIZE_NEAREST_NEIGHBOR, whose coordinates are float32."""
    for kind, zero_point in _ZERO_POINTS.items():
        for aligned, half_pixel in ((False, False), (True, False), (False, True)):
            for rows, columns in ((13, 4), (3, 27), (70, 1)):
                x = Tensor((1, 7, 9, 2), kind, zero_points=(zero_point,))
                y = Tensor((1, rows, columns, 2), kind, zero_points=(zero_point,))
                options = {"AlignCorners": aligned, "HalfPixelCenters": half_pixel}
                name = "ResizeNearestNeighborOptions"
                step = Operator("RESIZE_NEAREST_NEIGHBOR", (0, 1), (2,), name, options)
                content = write([x, Tensor.plain((rows, columns)), y], [step], [0], [2])
                label = f"{kind} {rows} by {columns} aligned {aligned} half pixel {half_pixel}"
                yield File(label, content, LITERT if kind == "UINT8" else PEERS)


def _powers_of_two() -> Iterator[File]:
    """Sums of int16 codes that LiteRT could shift: it does so only if every scale is a power."""
    for kind, name in (("ADD", "AddOptions"), ("SUB", "SubOptions")):
        for scales in ((2**-10, 2**-10, 2**-10), (2**-10, 2**-11, 0.002)):
            tensors = [Tensor((1, 4000), "INT16", (scale,)) for scale in scales]
            step = Operator(kind, (0, 1), (2,), name, {"PotScaleInt16": True})
            yield File(f"{kind} {scales}", write(tensors, [step], [0, 1], [2]))


@dataclass(frozen=True, slots=True)
class Move:
    """An operator that moves the codes of ``[2, 3, 4]``, its constants, and a result's shape."""

    kind: str
    shape: tuple[int, ...]
    constants: tuple[npt.ArrayLike, ...] = ()
    options_type: str = ""
    options: dict[str, OptionValue] = field(default_factory=dict[str, OptionValue])
    results: int = 1
    first: int = 0
    peers: tuple[Peer, ...] = PEERS


_SLICE = "StridedSliceOptions"

MOVES = (
    Move("RESHAPE", (4, 6), ((4, -1),)),
    Move("SQUEEZE", (2, 3, 4), (), "SqueezeOptions"),
    Move("EXPAND_DIMS", (2, 3, 1, 4), (-2,)),
    Move("TRANSPOSE", (4, 2, 3), ((2, 0, 1),)),
    Move("PAD", (3, 5, 4), (((1, 0), (0, 2), (0, 0)),)),
    Move("SLICE", (2, 2, 1), ((0, 1, 2), (2, -1, 1))),
    Move("SPLIT", (2, 3, 2), (2,), "SplitOptions", {"NumSplits": 2}, 2, first=1),
    Move("UNPACK", (2, 4), (), "UnpackOptions", {"Num": 3, "Axis": 1}, 3),
    Move("GATHER", (2, 2, 4), ((2, 0),), "GatherOptions", {"Axis": 1}, peers=LITERT),
    Move("STRIDED_SLICE", (2, 2, 2), ((0, 1, 0), (2, 3, 4), (1, 1, 2)), _SLICE),
    Move("STRIDED_SLICE", (1, 2, 2), ((1, 9, -1), (2, -3, -9), (1, -1, -2)), _SLICE),
    Move(
        "STRIDED_SLICE",
        (3,),
        ((1, 0, 2), (0, 0, 0), (1, 1, 1)),
        _SLICE,
        {"ShrinkAxisMask": 5, "EndMask": 2},
    ),
    Move(
        "STRIDED_SLICE",
        (2, 3),
        ((0, -1), (0, 0), (1, 1)),
        _SLICE,
        {"EllipsisMask": 1, "ShrinkAxisMask": 2},
        peers=LITERT,
    ),
    Move(
        "STRIDED_SLICE",
        (1, 2, 2, 4),
        ((0, 0, 1), (0, 0, 3), (1, 1, 1)),
        _SLICE,
        {"NewAxisMask": 1, "EndMask": 2},
        peers=LITERT,
    ),
)
"""TensorFlow Lite Micro has neither ellipses, nor new axes, nor a gather of int16."""


def _moves() -> Iterator[File]:
    for move in MOVES:
        for kind in ("INT8", "INT16"):
            zero_points = (_ZERO_POINTS[kind],)
            lists = [Tensor.plain(values) for values in move.constants]
            tensors = [Tensor((2, 3, 4), kind, zero_points=zero_points), *lists]
            tensors += [Tensor(move.shape, kind, zero_points=zero_points)] * move.results
            operands = [*range(1, len(lists) + 1)]
            operands.insert(move.first, 0)
            results = tuple(range(len(lists) + 1, len(tensors)))
            step = Operator(move.kind, tuple(operands), results, move.options_type, move.options)
            label = f"{move.kind} {kind} to {move.shape}"
            yield File(label, write(tensors, [step], [0], results), move.peers)


def _joins() -> Iterator[File]:
    """CONCATENATION of uint8 in scales of its own, ties among them; the others can't."""
    cases: tuple[tuple[tuple[float, int], ...], ...] = (
        ((0.25, 7), (0.5, 121), (0.5, 120), (0.5, 121)),
        ((0.031, 3), (0.017, 250), (0.9, 0), (0.033, 117)),
        ((2**-7, 1), (3 * 2**-8, 255), (2**-9, 128), (2**-5, 9)),
    )
    for quantizations in cases:
        *operands, (scale, zero_point) = (
            (float(np.float32(scale)), zero_point) for scale, zero_point in quantizations
        )
        tensors = [Tensor((1, 5000), "UINT8", (own,), (zero,)) for own, zero in operands]
        y = Tensor((1, 15000), "UINT8", (scale,), (zero_point,))
        step = Operator("CONCATENATION", (0, 1, 2), (3,), "ConcatenationOptions", {"Axis": 1})
        content = write([*tensors, y], [step], [0, 1, 2], [3])
        yield File(f"CONCATENATION {quantizations}", content, LITERT)
