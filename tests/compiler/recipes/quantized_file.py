# SPDX-License-Identifier: Apache-2.0
"""A quantized model written to its file and read again, held against ONNX Runtime."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.compiler.real.save import save_model
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized


@dataclass(frozen=True, slots=True)
class QuantizedFile:
    """A quantized file: as the integer graph, as ONNX Runtime runs it, and its outputs' steps."""

    graph: Graph
    session: Session
    steps: tuple[float, ...]

    @staticmethod
    def written(model: ir.Model, plan: QuantizationPlan, path: Path) -> "QuantizedFile":
        """Write the model, read it, import it and load it into ONNX Runtime."""
        save_model(model, path)
        read = load_model(path)
        graph = import_onnx(read, path.stem)
        check(graph)
        session = Session(read, threads=1)
        steps = (plan.activations[name].scales[0] for name in session.output_names)
        return QuantizedFile(graph, session, tuple(steps))

    def outputs(self, profile: str, samples: Iterable[Feeds]) -> Iterator[list[Array]]:
        """What the integers yield under a profile, for each sample in the file's order."""
        graph = select_arithmetic(self.graph, load_profile(profile))
        check(graph)
        program = vectorized.Program(graph)
        for feeds in samples:
            found = program.run(feeds)
            yield [found[name] for name in graph.outputs]

    def farthest(self, profile: str, samples: Sequence[Feeds]) -> int:
        """How many codes an output lies from ONNX Runtime's at most."""
        farthest = 0
        for feeds, found in zip(samples, self.outputs(profile, samples), strict=True):
            expected = self.session.run(feeds).values()
            for array, wanted, step in zip(found, expected, self.steps, strict=True):
                difference = float(np.abs(array.astype(np.float64) - wanted).max())
                codes = round(difference / step)
                # Outputs are codes times the step, in a few float32 operations on either side.
                largest = max(float(np.abs(each).max()) for each in (array, wanted))
                rounding = 8 * float(np.spacing(np.float32(largest))) / step
                assert abs(difference / step - codes) <= rounding
                farthest = max(farthest, codes)
        return farthest

    def accuracy(self, profile: str, samples: Iterable[tuple[Feeds, int]]) -> float:
        """The share of samples whose largest score is that of their label."""
        feeds, labels = zip(*samples, strict=True)
        scores = self.outputs(profile, feeds)
        right = [
            bool(found.argmax() == label) for (found,), label in zip(scores, labels, strict=True)
        ]
        return sum(right) / len(right)
