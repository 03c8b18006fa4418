# SPDX-License-Identifier: Apache-2.0
"""Which operators are compared, in which types, and what is known to differ."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from intaglio.commands.peers.catalog import Peer
from tests.peers.tflite import contractions, functions, moves, pairs, planes
from tests.peers.tflite.draw import Draw
from tests.peers.tflite.single_op import Case

_BYTES = (np.int8, np.uint8)
_ALL = (*_BYTES, np.int16)
_REFERENCES = (Peer.LITERT_REF, Peer.LITERT_REF_1_2)
_FAST = (Peer.LITERT_OPT, Peer.LITERT)
_LITERTS = (*_REFERENCES, *_FAST)


@dataclass(frozen=True, slots=True)
class Subject:
    """One operator.

    Attributes:
        name: the operator's, with a word where it comes twice.
        cases: what to try, for one draw.
        dtypes: of the activations.
        delegated: those that LiteRT hands to XNNPACK.
        lacking: dtypes that a runtime has no kernel for; TFLite Micro has none for uint8.
    """

    name: str
    cases: Callable[[Draw], Iterator[Case]]
    dtypes: tuple[Any, ...]
    delegated: tuple[Any, ...] = ()
    lacking: tuple[tuple[Peer, Any], ...] = ()

    def dtypes_of(self, runtime: Peer) -> tuple[Any, ...]:
        """The dtypes that ``runtime`` computes."""
        none = [np.uint8] if runtime is Peer.TFLM else []
        none += [dtype for who, dtype in self.lacking if who is runtime]
        return tuple(dtype for dtype in self.dtypes if dtype not in none)


SUBJECTS = (
    Subject("CONV_2D", contractions.convolutions, _ALL, _BYTES),
    Subject("DEPTHWISE_CONV_2D", contractions.depthwise, _ALL, _BYTES),
    Subject("FULLY_CONNECTED", contractions.fully_connected, _ALL, _BYTES),
    Subject("TRANSPOSE_CONV", contractions.transposed_convolutions, _ALL, _BYTES),
    Subject("BATCH_MATMUL", contractions.matrix_products, (np.int8, np.int16)),
    Subject("ADD", pairs.sums, _ALL, _BYTES),
    Subject("SUB", pairs.differences, _ALL, _BYTES),
    Subject("MUL", pairs.products, _ALL, _BYTES),
    Subject(
        "SQUARED_DIFFERENCE",
        pairs.squared_differences,
        (np.int8, np.int16),
        lacking=tuple((peer, np.int16) for peer in _LITERTS),
    ),
    Subject("MINIMUM and MAXIMUM", pairs.extremes, _ALL),
    Subject("AVERAGE_POOL_2D", planes.average_pools, _ALL),
    Subject("MAX_POOL_2D", planes.maximum_pools, _ALL, _BYTES),
    Subject("MEAN", planes.means, _ALL, _BYTES),
    Subject(
        "SUM",
        planes.sums,
        _ALL,
        _BYTES,
        # LiteRT's reference kernel takes every code for uint8.
        lacking=tuple((peer, dtype) for peer in _REFERENCES for dtype in (np.int8, np.int16)),
    ),
    Subject("MIRROR_PAD", moves.mirrored_pads, _ALL, lacking=((Peer.TFLM, np.int16),)),
    Subject("GATHER", moves.gathers, _ALL, lacking=((Peer.TFLM, np.int16),)),
    Subject("ARG_MAX and ARG_MIN", moves.choices, _BYTES),
    Subject(
        "ARG_MAX and ARG_MIN to int64",
        moves.wide_choices,
        _BYTES,
        lacking=((Peer.TFLM, np.int8),),
    ),
    Subject(
        "RESIZE_BILINEAR",
        planes.interpolations,
        _ALL,
        _BYTES,
        lacking=((Peer.TFLM, np.int16),),
    ),
    Subject("QUANTIZE of float32", functions.quantizations, _ALL, _BYTES),
    Subject("DEQUANTIZE", functions.dequantizations, _ALL, _BYTES),
    Subject("QUANTIZE of codes", functions.requantizations, _ALL, _BYTES),
    Subject("QUANTIZE to the other sign", functions.sign_changes, _BYTES),
    Subject("LEAKY_RELU", functions.leaky_rectifiers, _ALL, _BYTES),
    Subject(
        "PRELU",
        functions.parametric_rectifiers,
        _ALL,
        lacking=((Peer.LITERT_REF_1_2, np.int16),),
    ),
    Subject("LOGISTIC", functions.logistics, _ALL, _BYTES),
    Subject("TANH", functions.hyperbolic_tangents, _ALL, _BYTES),
    Subject(
        "LOGISTIC and TANH at powers of two",
        functions.table_scales_of_two,
        (np.int16,),
    ),
    Subject("HARD_SWISH", functions.hard_swishes, _BYTES),
    Subject("SOFTMAX", functions.softmaxes, _ALL),
    Subject(
        "LOG_SOFTMAX",
        functions.logarithms_of_softmax,
        _BYTES,
        # The optimized kernel takes the logarithm of a float32 sum, in C's logf.
        lacking=tuple((peer, dtype) for peer in _FAST for dtype in _BYTES),
    ),
    Subject(
        "SOFTMAX into int16",
        functions.softmaxes_to_int16,
        (np.int8,),
        # Refused: not every code is that of the table in float32.
        lacking=((Peer.LITERT_OPT, np.int8), (Peer.LITERT, np.int8)),
    ),
    Subject("L2_NORMALIZATION", functions.unit_vectors, _BYTES),
    Subject(
        "RSQRT",
        functions.inverse_square_roots,
        (np.int8, np.int16),
        lacking=((Peer.TFLM, np.int16),),
    ),
    Subject(
        "EXP",
        functions.exponentials,
        (np.int8, np.int16),
        lacking=((Peer.TFLM, np.int8), (Peer.TFLM, np.int16)),
    ),
    Subject(
        "ELU",
        functions.exponential_units,
        (np.int8,),
        (np.int8,),
        lacking=((Peer.LITERT_REF, np.int8), (Peer.LITERT_REF_1_2, np.int8)),
    ),
    Subject(
        "GELU",
        functions.gaussian_units,
        _ALL,
        lacking=(
            (Peer.TFLM, np.int8),
            (Peer.TFLM, np.int16),
            (Peer.LITERT_REF_1_2, np.int16),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """What our arithmetic does not reproduce: how many values of the cases, and why."""

    count: int
    reason: str


_GELU = Difference(4, "the kernel's float32 GELU rounds at every step, our table once")
_QUANTIZE = "the kernel rounds half to even in whole vectors and half away in the rest"
_RESIZE = "a float32 sum of rounded weights, against the exact value"

_WIDE_GELU = Difference(256, f"{_GELU.reason}: a sample differs, and with it its neighbourhood")

KNOWN: dict[tuple[str, Any, Peer], Difference] = {
    ("QUANTIZE of float32", np.int16, Peer.LITERT): Difference(1, _QUANTIZE),
    ("QUANTIZE of float32", np.int16, Peer.LITERT_OPT): Difference(1, _QUANTIZE),
    ("QUANTIZE of float32", np.int8, Peer.LITERT_OPT): Difference(12, _QUANTIZE),
    ("QUANTIZE of float32", np.uint8, Peer.LITERT_OPT): Difference(12, _QUANTIZE),
    ("RESIZE_BILINEAR", np.uint8, Peer.LITERT_REF): Difference(68, _RESIZE),
    ("RESIZE_BILINEAR", np.uint8, Peer.LITERT_REF_1_2): Difference(68, _RESIZE),
    ("RESIZE_BILINEAR", np.uint8, Peer.LITERT_OPT): Difference(73, _RESIZE),
    **{
        ("GELU", dtype, peer): _WIDE_GELU if dtype is np.int16 else _GELU
        for dtype in _ALL
        for peer in _LITERTS
    },
}
