# SPDX-License-Identifier: Apache-2.0
"""Biases make up, by calculation alone, for the mean error that rounded weights cause."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.editing import Names, float_constant, name_of
from intaglio.compiler.real.input_means import InputMean, solve_input_mean
from intaglio.compiler.real.linear import Linear, in_canonical_layout, read_linear, write_bias
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.parameters import QuantizationParameters
from intaglio.compiler.real.plan import Operand, operand
from intaglio.compiler.real.roles import weight_input
from intaglio.compiler.real.statistics import read_channel_statistics
from intaglio.compiler.real.tap_presence import tap_presence


def correct_biases(
    model: ir.Model,
    weights: Mapping[Operand, QuantizationParameters],
    distributions: Mapping[str, ChannelDistribution],
    missing: Mapping[str, str] | None = None,
) -> Outcome:
    """Take the expected error of each layer off its bias.

    b'[m] = b[m] - sum over c, k of (Q(W) - W)[m, c, k] * presence[k] * E[x_c]

    for each Conv, ConvTranspose and Gemm with constant weights. ``presence`` is the share of
    positions at which a tap reads data instead of zero padding, so that the mean over the whole
    plane is exact, borders included.

    E[x] is the mean of the given distribution. Where none is known (the first layer reads data), it
    is solved for from the noted means of the layer's result, if there are enough of them.

    The statistics of values stay as they are, and one set of distributions serves all layers: once
    a layer is corrected, the mean of its quantized result is again what it was in the float
    network, which is what later layers read. (The given float network with the new biases is
    therefore another function; it is meant to be quantized by ``weights``.) The spread is taken
    for unchanged.

    Args:
        model: a normalized model.
        weights: the codes of weights, from ``plan_weights`` or ``QuantizationPlan.constants``.
        distributions: of the values that layers read, by name. A layer whose input has none, and
            whose result has no noted statistics to tell it from, is left alone and noted.
        missing: why a value has no distribution, by name, for the notes.

    Returns:
        The network; for each layer a note with the correction: ``largest`` in absolute numbers,
        and, where the layer's spread is known, ``largest_in_std`` and ``rms_in_std`` in units of
        its root mean square standard deviation; ``residual_in_std`` where the mean of its input
        was solved for.

    Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction
    (2019), section 4.2 and appendix B; the presence of taps is ours.
    """
    model = model.clone()
    names = Names(model.graph)
    notes: list[Note] = []
    channels = 0
    for node in model.graph:
        found = weight_input(node)
        parameters = None if found is None else weights.get(operand(node, found[0]))
        if found is None or parameters is None or node.op_type == "PRelu":
            continue
        expected = _expected_error(node, parameters, distributions, missing or {})
        if isinstance(expected, str):
            notes.append(Note(name_of(node), f"left as it is: {expected}", {}))
            continue
        error = expected.error
        write_bias(model.graph, names, node, expected.linear.bias - error)
        channels += int(np.count_nonzero(error))
        figures = correction_figures(error, _spread(node.outputs[0], distributions))
        said = "the expected error came off the bias"
        if expected.residual:
            said += "; the mean of its input follows from the means of its result"
            figures["residual_in_std"] = expected.residual
        notes.append(Note(name_of(node), said, figures))
    corrected = sum(bool(note.figures) for note in notes)
    return Outcome(
        model,
        channels,
        f"{corrected} of {len(notes)} layers corrected by calculation",
        tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class _Expected:
    """A layer and the error ``[M]`` that rounding its weights causes in the mean."""

    linear: Linear
    error: Reals
    residual: float


def correction_figures(correction: Reals, std: Reals | None) -> dict[str, float]:
    """The size of a layer's correction ``[M]``, also in units of its RMS standard deviation."""
    figures = {"largest": float(np.abs(correction).max(initial=0.0))}
    unit = 0.0 if std is None else float(np.sqrt(np.mean(np.square(std))))
    if unit > 0.0:
        rms = float(np.sqrt(np.mean(np.square(correction))))
        figures |= {"largest_in_std": figures["largest"] / unit, "rms_in_std": rms / unit}
    return figures


def _expected_error(
    node: ir.Node,
    parameters: QuantizationParameters,
    distributions: Mapping[str, ChannelDistribution],
    missing: Mapping[str, str],
) -> _Expected | str:
    """E[Q(W) x] - E[W x] of a layer, or why it can't be told."""
    linear, source = read_linear(node), node.inputs[0]
    stored = float_constant(node.inputs[1])
    if linear is None or source is None or stored is None:
        return f"a {node.op_type} of this form has no bias along the channels"
    name = source.name or ""
    known = distributions.get(name)
    if known is not None and known.channels != linear.inputs:
        return (
            f"the distribution of its input {name} has {known.channels} channels, "
            f"the layer reads {linear.inputs}"
        )
    means = _solved_mean(node, linear) if known is None else InputMean(known.moments()[0], 0.0)
    if isinstance(means, str):
        reason = missing.get(name, "none was given")
        return f"no distribution of its input {name} ({reason}), and {means}"
    rounded = parameters.dequantize(parameters.quantize(stored))
    taps = _summed(node, in_canonical_layout(node, rounded) - linear.weight)
    grouped = taps.reshape(linear.groups, linear.outputs // linear.groups, -1)
    error = np.einsum("gmc,gc->gm", grouped, means.mean.reshape(linear.groups, -1))
    return _Expected(linear, error.ravel(), means.residual)


def _solved_mean(node: ir.Node, linear: Linear) -> InputMean | str:
    """The mean of an input of which nothing is known, from the layer's BatchNorm."""
    noted = read_channel_statistics(node.outputs[0])
    if noted is None:
        return "no BatchNorm says what its result is"
    return solve_input_mean(_summed(node, linear.weight), linear.bias, linear.groups, noted)


def _summed(node: ir.Node, weight: Reals) -> Reals:
    """``[M, C / groups]``: the kernel summed, each tap by the share of positions it reads."""
    present = weight * tap_presence(node, weight.shape[2:])
    summed: Reals = present.reshape(*weight.shape[:2], -1).sum(axis=2)
    return summed


def _spread(value: ir.Value, distributions: Mapping[str, ChannelDistribution]) -> Reals | None:
    """The standard deviation of each channel of a layer's result, if it is known."""
    kept = read_channel_statistics(value)
    if kept is not None:
        return np.array(kept.std)
    distribution = distributions.get(value.name or "")
    return None if distribution is None else distribution.std
