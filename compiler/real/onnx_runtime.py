# SPDX-License-Identifier: Apache-2.0
"""The real graph's engine: ONNX Runtime on the CPU, and ONNX's own checker, behind typed doors.

Neither library is typed, so this is the only module here that touches them.
"""

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.errors import InvalidData

Array = NDArray[Any]
Feeds = Mapping[str, Array]

_QUIET = 4  # ONNX Runtime's log severity "fatal"; what it can't do comes as an exception
_LONGEST_LINE = 200


def check(proto: onnx.ModelProto, *, shapes: bool = False) -> None:
    """Run ONNX's checker, if asked with strict shape inference.

    Raises:
        ValueError: the first line of what the checker says.
    """
    checker: Any = importlib.import_module("onnx.checker")
    try:
        checker.check_model(proto, full_check=shapes)
    except (checker.ValidationError, onnx.shape_inference.InferenceError, RuntimeError) as error:
        raise ValueError(first_line(error)) from error


def parse(data: bytes) -> onnx.ModelProto:
    """Read a model from bytes, without looking at what it says.

    Raises:
        ValueError: the bytes aren't a protocol buffer of that kind.
    """
    message: Any = importlib.import_module("google.protobuf.message")
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except message.DecodeError as error:
        raise ValueError(first_line(error)) from error
    return proto


def first_line(error: BaseException) -> str:
    """The first line that says something, without a full stop, to be put into a sentence."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)[:_LONGEST_LINE].rstrip(".")


def to_proto(model: ir.Model) -> onnx.ModelProto:
    """The model as the protocol buffer that ONNX's own tools take."""
    return ir.to_proto(model)


def _threads_of_environment() -> int:
    """ONNX Runtime itself only counts cores, even where several processes share them."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return int(stated) if stated.isdecimal() else 0


class Session:
    """A model loaded into ONNX Runtime's CPU provider.

    Args:
        model: any ONNX model at or below what the installed ONNX Runtime reads.
        threads: threads inside an operator; 0 means as many as the variable OMP_NUM_THREADS of the
            environment says, or else one for each core.
        optimized_path: where ONNX Runtime shall write the graph it really runs.
        entries: further session configuration entries, by ONNX Runtime's own names.
        optimize: whether ONNX Runtime may fuse and rewrite the graph.

    Raises:
        InvalidData: ONNX Runtime refuses the model.
    """

    def __init__(
        self,
        model: ir.Model | onnx.ModelProto,
        *,
        threads: int = 0,
        optimized_path: Path | None = None,
        entries: Mapping[str, str] | None = None,
        optimize: bool = True,
    ) -> None:
        """Load the model."""
        ort: Any = importlib.import_module("onnxruntime")
        options = ort.SessionOptions()
        options.log_severity_level = _QUIET
        options.intra_op_num_threads = threads or _threads_of_environment()
        if not optimize:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        elif optimized_path is not None:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
            options.optimized_model_filepath = os.fspath(optimized_path)
        for name, value in (entries or {}).items():
            options.add_session_config_entry(name, value)
        proto = model if isinstance(model, onnx.ModelProto) else to_proto(model)
        try:
            self._session: Any = ort.InferenceSession(
                proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            raise InvalidData(
                proto.graph.name or "the model",
                f"a model that ONNX Runtime refuses ({first_line(error)})",
                "one it can run",
                "check the model with onnx.checker and export it again",
            ) from error
        self.input_names: tuple[str, ...] = tuple(v.name for v in self._session.get_inputs())
        self.output_names: tuple[str, ...] = tuple(v.name for v in self._session.get_outputs())

    def run(self, feeds: Feeds, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Run once; ``outputs`` None means every output.

        Raises:
            InvalidData: the feeds don't fit the model's inputs.
        """
        names = self.output_names if outputs is None else tuple(outputs)
        try:
            results: list[Array] = self._session.run(list(names), dict(feeds))
        except Exception as error:  # as above
            found = ", ".join(f"{k} {v.dtype}{list(v.shape)}" for k, v in feeds.items())
            raise InvalidData(
                "the input arrays",
                f"{found or 'nothing'} ({first_line(error)})",
                ", ".join(f"{v.name} {v.type} {v.shape}" for v in self._session.get_inputs()),
                "give one array for each input of the model",
            ) from error
        return {name: np.asarray(result) for name, result in zip(names, results, strict=True)}
