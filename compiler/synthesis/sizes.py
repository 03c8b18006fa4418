# SPDX-License-Identifier: Apache-2.0
"""How many samples go through the network at a time."""

from math import prod

import onnx_ir as ir

MOST_BYTES = 1 << 30
_TIMES = 3  # a value, its gradient, and what is kept on the way


def samples_at_once(model: ir.Model, samples: int) -> int:
    """So many that the values of the network and their gradients take about a GiB, at least one.

    Parts are equally large as far as that goes. The batch that a model's file fixes is kept to.

    Args:
        model: with shapes.
        samples: how many are wanted in all.
    """
    fixed = [value.shape[0] for value in model.graph.inputs if value.shape]
    batch = next((extent for extent in fixed if isinstance(extent, int)), None)
    if batch is not None:
        return batch
    held = sum(_bytes(value) for node in model.graph for value in node.outputs)
    most = max(1, min(samples, MOST_BYTES // max(_TIMES * held, 1)))
    parts = -(-samples // most)
    return -(-samples // parts)


def _bytes(value: ir.Value) -> int:
    dims = [] if value.shape is None else list(value.shape)[1:]
    return 4 * prod(dim for dim in dims if isinstance(dim, int))
