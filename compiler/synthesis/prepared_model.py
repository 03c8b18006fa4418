# SPDX-License-Identifier: Apache-2.0
"""The form in which a float model is examined: as the user wrote it, but for what hides it."""

import onnx_ir as ir

from intaglio.compiler.real.normalization.fold_batch_normalization import fold_batch_normalization
from intaglio.compiler.real.normalization.normalize import NORMALIZATION
from intaglio.compiler.real.normalization.normalize_products import normalize_products

_MERGES = (normalize_products, fold_batch_normalization)


def prepare(model: ir.Model) -> ir.Model:
    """A model without identities, computed constants or implicit padding, nothing else merged.

    BatchNormalizations still stand, and values keep the names that the user knows. The given model
    stays as it is.

    Raises:
        UnsupportedModel: nodes that no integer network has, all of them named.
    """
    for step in NORMALIZATION:
        if step not in _MERGES:
            model = step(model)
    return model
