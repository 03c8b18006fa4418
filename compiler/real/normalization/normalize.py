# SPDX-License-Identifier: Apache-2.0
"""The passes that every float model goes through before anything is measured or quantized."""

from collections.abc import Callable

import onnx_ir as ir

from intaglio.compiler.real.load import infer_shapes
from intaglio.compiler.real.normalization.fix_reshapes import fix_reshapes
from intaglio.compiler.real.normalization.fold_batch_normalization import fold_batch_normalization
from intaglio.compiler.real.normalization.fold_constants import fold_constants
from intaglio.compiler.real.normalization.fold_padding import fold_padding
from intaglio.compiler.real.normalization.make_padding_explicit import make_padding_explicit
from intaglio.compiler.real.normalization.normalize_products import normalize_products
from intaglio.compiler.real.normalization.remove_identities import remove_identities
from intaglio.compiler.real.normalization.supported import check_supported

Pass = Callable[[ir.Model], ir.Model]

NORMALIZATION: tuple[Pass, ...] = (
    remove_identities,
    infer_shapes,
    fold_constants,
    fix_reshapes,
    check_supported,
    make_padding_explicit,
    fold_padding,
    normalize_products,
    fold_batch_normalization,
    infer_shapes,
)


def normalize(model: ir.Model) -> ir.Model:
    """Bring a float model into the few forms that recipes and quantization know.

    No Constant, Identity, Dropout or BatchNormalization is left; the real function is the same up
    to float32 rounding. The given model stays as it is.

    Raises:
        UnsupportedModel: nodes that no integer network has, all of them named.
    """
    for step in NORMALIZATION:
        model = step(model)
    return model
