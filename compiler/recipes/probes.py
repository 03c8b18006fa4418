# SPDX-License-Identifier: Apache-2.0
"""What each step of a recipe does to the outputs, on a few inputs."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.compiler.real.ranges.ranges import Range

Reals = NDArray[np.float64]

PROBES = 4
_SEED = 0


class Probes:
    """A network's outputs before anything was done, and how far later ones are from them.

    The networks run as they are written: ONNX Runtime's optimizer would quantize weights that a
    plan leaves in float.
    """

    def __init__(self, model: ir.Model, feeds: Sequence[Feeds]) -> None:
        """Run ``model`` on every probe."""
        self.feeds = feeds
        self._expected = _run(model, feeds)

    def agreement(self, model: ir.Model) -> float:
        """The largest difference of an output, as a share of the output's span."""
        found = _run(model, self.feeds)
        return max(
            float(np.abs(found[name] - expected).max() / max(np.ptp(expected), 1e-30))
            for name, expected in self._expected.items()
        )

    def signal_to_noise(self, model: ir.Model, plan: QuantizationPlan) -> float | None:
        """Decibels of the quantized network's outputs; None where nothing differs."""
        found = _run(insert_quantization(model, plan), self.feeds)
        signal = sum(float(np.square(array).sum()) for array in self._expected.values())
        noise = sum(
            float(np.square(found[name] - array).sum()) for name, array in self._expected.items()
        )
        return 10 * float(np.log10(signal / noise)) if signal and noise else None


def noise_feeds(model: ir.Model, ranges: Mapping[str, Range]) -> list[Feeds]:
    """Smooth noise in the range of each input: pixels beside each other are alike, as in images."""
    generator = np.random.default_rng(_SEED)
    return [
        {
            value.name or "": _noise(generator, value, ranges[value.name or ""])
            for value in model.graph.inputs
        }
        for _ in range(PROBES)
    ]


def _noise(generator: np.random.Generator, value: ir.Value, range: Range) -> Array:
    shape = [dim if isinstance(dim, int) else 1 for dim in value.shape or ()]
    noise = generator.standard_normal(shape)
    for axis, extent in list(enumerate(shape))[2:]:
        noise = np.cumsum(noise, axis=axis) if extent > 1 else noise
    low, high = float(noise.min()), float(noise.max())
    scaled = (noise - low) / (high - low) if high > low else np.full(shape, 0.5)
    return (range.minimum + scaled * (range.maximum - range.minimum)).astype(np.float32)


def _run(model: ir.Model, feeds: Sequence[Feeds]) -> dict[str, Reals]:
    """The outputs in float64, where squares of large float32 numbers don't overflow."""
    session = Session(model, optimize=False)
    runs = [session.run(each) for each in feeds]
    return {
        name: np.concatenate([run[name] for run in runs]).astype(np.float64) for name in runs[0]
    }
