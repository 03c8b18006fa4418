# SPDX-License-Identifier: Apache-2.0
"""Readers whose noted statistics show that a channel isn't constant."""

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.dead_channels.dead_channels import Flags, without_spread
from intaglio.compiler.real.dead_channels.fold_constant_channels import may_miss_taps
from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.statistics import read_channel_statistics


def contrary_evidence(value: ir.Value, constants: Reals) -> Flags:
    """Which channels can't hold their constants, since what reads them alone has a spread.

    An output of a depthwise convolution depends on one channel. Were that constant, the output
    would be too: noted with a std below 1e-3 of its mean or of the layer's stds. But where the
    kernel may miss the input (zero padding), a constant other than zero has a spread at borders,
    so that nothing follows from it.

    Args:
        value: what leaves the clamps of a linear layer, channels along axis 1.
        constants: ``[C]``, what each channel would be.

    Returns:
        ``[C]`` flags.
    """
    contrary: Flags = np.full(constants.size, False)
    for node in (use.node for use in value.uses() if use.idx == 0):
        linear, noted = read_linear(node), read_channel_statistics(node.outputs[0])
        if linear is None or linear.groups != constants.size or linear.inputs != constants.size:
            continue
        if noted is None or len(noted.std) != linear.outputs:
            continue
        spread = ~without_spread(np.array(noted.mean), np.array(noted.std))
        telling = np.equal(constants, 0.0) if may_miss_taps(node) else np.full_like(contrary, True)
        contrary |= np.any(spread.reshape(constants.size, -1), axis=1) & telling
    return contrary
