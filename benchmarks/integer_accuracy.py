# SPDX-License-Identifier: Apache-2.0
"""The integer simulator's accuracy beside float and ONNX Runtime, on the images of a network."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from benchmarks.networks import Network
from intaglio.commands.data import Preprocessing, open_dataset
from intaglio.commands.engines import fastest_engine, prepare
from intaglio.commands.float_models import input_specs
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile

BATCH = 10

Scores = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a quantized network keeps of the float one; accuracies and shares in percent.

    Attributes:
        images: how many were evaluated.
        float_top1: of the float network, None where there are no labels.
        onnx_runtime_top1: of the written file in ONNX Runtime.
        integer_top1: of the integers.
        same_class: of how many inputs the integers find float's class.
        divergence: mean Kullback-Leibler divergence of the integers' classes from float's, nats.
        signal_to_noise: of the outputs, decibels.
    """

    images: int
    float_top1: float | None
    onnx_runtime_top1: float | None
    integer_top1: float | None
    same_class: float
    divergence: float
    signal_to_noise: float


@dataclass(frozen=True, slots=True)
class _Scores:
    """Every image's outputs by three ways, and its label."""

    real: list[Scores] = field(default_factory=list[Scores])
    written: list[Scores] = field(default_factory=list[Scores])
    integer: list[Scores] = field(default_factory=list[Scores])
    labels: list[Scores] = field(default_factory=list[Scores])


def integer_accuracy(
    network: Network,
    model: ir.Model,
    quantized: ir.Model,
    *,
    profile: str = "single-rounding",
    preprocessing: Preprocessing | None = None,
    limit: int | None = None,
) -> Accuracy:
    """Run every image through float, the file in ONNX Runtime, and integers.

    Args:
        network: whose images and labels are taken.
        model: float, with one input and one output.
        quantized: what a recipe made of it, as it was written.
        profile: the arithmetic of the integers.
        preprocessing: in place of the network's.
        limit: take no more images than this.
    """
    return _judge(
        _evaluate(network, model, quantized, profile, preprocessing or network.preprocessing, limit)
    )


def _evaluate(
    network: Network,
    model: ir.Model,
    quantized: ir.Model,
    profile: str,
    preprocessing: Preprocessing | str,
    limit: int | None,
) -> _Scores:
    real, written = Session(model), Session(quantized)
    graph = lower(import_onnx(quantized, "quantized", BATCH), load_profile(profile))
    run = prepare(graph, fastest_engine(graph))
    dataset = open_dataset(
        network.path(network.images),
        inputs=input_specs(model),
        labels=network.label_file,
        preprocessing=preprocessing,
        limit=limit,
    )
    scores = _Scores()
    (given,), (output,) = graph.inputs, graph.outputs
    for batch in dataset.batches(BATCH, 0):
        feeds, count = batch.inputs, len(next(iter(batch.inputs.values())))
        for session, kept in ((real, scores.real), (written, scores.written)):
            (found,) = session.run(feeds).values()
            kept.append(found.reshape(count, -1))
        (array,) = feeds.values()
        padded = np.concatenate([array, np.repeat(array[-1:], BATCH - count, axis=0)])
        scores.integer.append(run({given.name: padded}, None)[output][:count].reshape(count, -1))
        if batch.labels is not None:
            scores.labels.append(batch.labels)
    return scores


def _judge(scores: _Scores) -> Accuracy:
    real, written, integer = (
        np.concatenate(kept).astype(np.float64)
        for kept in (scores.real, scores.written, scores.integer)
    )
    top: list[float | None] = [None, None, None]
    if scores.labels:
        labels = np.concatenate(scores.labels)
        top = [100 * float((kept.argmax(1) == labels).mean()) for kept in (real, written, integer)]
    noise = np.square(real - integer).sum()
    expected, found = _log_softmax(real), _log_softmax(integer)
    return Accuracy(
        images=len(real),
        float_top1=top[0],
        onnx_runtime_top1=top[1],
        integer_top1=top[2],
        same_class=100 * float((real.argmax(1) == integer.argmax(1)).mean()),
        divergence=float((np.exp(expected) * (expected - found)).sum(1).mean()),
        signal_to_noise=10 * float(np.log10(np.square(real).sum() / noise)),
    )


def _log_softmax(scores: Scores) -> Scores:
    shifted = scores - scores.max(axis=1, keepdims=True)
    result: Scores = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
