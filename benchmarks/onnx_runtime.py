# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime with one thread, on memory of its own choice."""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

from intaglio.compiler.ir.graph import Array

# ONNX Runtime carries no types.
onnxruntime: Any = import_module("onnxruntime")


class OnnxRuntime:
    """A model and an input, bound once, so that a run copies nothing."""

    def __init__(self, file: Path, image: Array) -> None:
        """Load the model and run it once."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(file, options, providers=providers)
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(self._session.get_inputs()[0].name, image)
        self._binding.bind_output(self._session.get_outputs()[0].name)
        self._session.run_with_iobinding(self._binding)

    def seconds(self, repeats: int) -> float:
        """Of one run, the mean of ``repeats``."""
        began = time.thread_time()
        for _ in range(repeats):
            self._session.run_with_iobinding(self._binding)
        return (time.thread_time() - began) / repeats

    def output(self) -> Array:
        """The result of the last run."""
        found: Array = self._binding.copy_outputs_to_cpu()[0]
        return found
