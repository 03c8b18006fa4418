# SPDX-License-Identifier: Apache-2.0
"""Biases make up, by calculation alone, for the mean error that rounded weights cause."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.biases.input_means import InputMean, solve_input_mean
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.editing import Names, float_constant, name_of
from intaglio.compiler.real.linear import Linear, in_canonical_layout, read_linear, write_bias
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.parameters import QuantizationParameters
from intaglio.compiler.real.quantization.plan import Operand, operand
from intaglio.compiler.real.roles import weight_input
from intaglio.compiler.real.statistics import read_channel_statistics
from intaglio.compiler.real.tap_presence import tap_presence


def correct_biases(
    model: ir.Model,
    weights: Mapping[Operand, QuantizationParameters],
    distributions: Mapping[str, ChannelDistribution],
    missing: Mapping[str, str] | None = None,
    activations: Mapping[str, QuantizationParameters] | None = None,
) -> Outcome:
    """Take the expected error of each layer off its bias.

    b'[m] = b[m] - sum over c, k of presence[k] * (Q(W)[m, c, k] * E[Q(x_c)] - W[m, c, k] * E[x_c])

    for each Conv, ConvTranspose and Gemm with constant weights. ``presence`` is the share of
    positions at which a tap reads data instead of zero padding, so that the mean over the whole
    plane is exact, borders included.

    E[x] is the mean of the given distribution. Where none is known (the first layer reads data), it
    is solved for from the noted means of the layer's result, if there are enough of them. E[Q(x)]
    is E[x] unless codes of x are given: they cut tails off and round channels without spread all
    to one side. Only the codes of x itself are counted, not those of values that x is a sum or
    an average of.

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
        activations: the codes of values, by name, whose ranges came from these distributions; None
            to leave them out.

    Returns:
        The network; for each layer a note with the correction: ``largest`` in absolute numbers,
        and, where the layer's spread is known, ``largest_in_std`` and ``rms_in_std`` in units of
        its root mean square standard deviation; ``residual_in_std`` where the mean of its input
        was solved for.

    Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction
    (2019), section 4.2 and appendix B; the presence of taps is ours.
    """
    known = _Known(distributions, missing or {}, activations or {})
    model = model.clone()
    names = Names(model.graph)
    notes: list[Note] = []
    channels = 0
    for node in model.graph:
        found = weight_input(node)
        parameters = None if found is None else weights.get(operand(node, found[0]))
        if found is None or parameters is None or node.op_type == "PRelu":
            continue
        expected = _expected_error(node, parameters, known)
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
class _Known:
    """What is known of values, by their names, as given to ``correct_biases``."""

    distributions: Mapping[str, ChannelDistribution]
    missing: Mapping[str, str]
    activations: Mapping[str, QuantizationParameters]


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
    known: _Known,
) -> _Expected | str:
    """E[Q(W) Q(x)] - E[W x] of a layer, or why it can't be told."""
    linear, source = read_linear(node), node.inputs[0]
    stored = float_constant(node.inputs[1])
    if linear is None or source is None or stored is None:
        return f"a {node.op_type} of this form has no bias along the channels"
    name = source.name or ""
    found = known.distributions.get(name)
    if found is not None and found.channels != linear.inputs:
        return (
            f"the distribution of its input {name} has {found.channels} channels, "
            f"the layer reads {linear.inputs}"
        )
    means = _solved_mean(node, linear) if found is None else InputMean(found.moments()[0], 0.0)
    if isinstance(means, str):
        reason = known.missing.get(name, "none was given")
        return f"no distribution of its input {name} ({reason}), and {means}"
    rounded = in_canonical_layout(node, parameters.dequantize(parameters.quantize(stored)))
    error = _product(_summed(node, rounded - linear.weight), means.mean, linear.groups)
    codes = known.activations.get(name)
    if found is not None and codes is not None:
        error += _product(_summed(node, rounded), _moved(found, codes), linear.groups)
    return _Expected(linear, error, means.residual)


def _moved(distribution: ChannelDistribution, codes: QuantizationParameters) -> Reals:
    """E[Q(x)] - E[x] of each channel, over its equally likely quantiles."""
    samples = distribution.samples()
    moved: Reals = np.mean(codes.dequantize(codes.quantize(samples)) - samples, axis=1)
    return moved


def _product(taps: Reals, mean: Reals, groups: int) -> Reals:
    """``[M]``, of weights ``[M, C / groups]`` and ``[C]``."""
    grouped = taps.reshape(groups, taps.shape[0] // groups, -1)
    product: Reals = np.einsum("gmc,gc->gm", grouped, mean.reshape(groups, -1))
    return product.ravel()


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
