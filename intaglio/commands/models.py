# SPDX-License-Identifier: Apache-2.0
"""Open a model of any kind that a verb takes."""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import onnx_ir as ir

from intaglio.compiler.ir.file import load
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.load import load_model
from intaglio.errors import InvalidFile, InvalidGraph, InvalidOption, UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from intaglio.frontends.onnx.qonnx.dispatch import DOMAINS as QONNX_DOMAINS
from intaglio.numerics.profile import load_profile

EXTENSION = ".intaglio"
TFLITE_EXTENSION = ".tflite"
DEFAULT_PROFILE = "single-rounding"
TFLITE_PROFILE = "litert-ref-1.3"
"""Of a .tflite model, whose codes mean what its home runtime makes of them."""

_SPEAK_OF_CODES = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "QGemm",
        "QuantizeLinear",
    }
)

After = Callable[[str, Graph], None]
"""Called with the name of each pass and the graph that it made."""

Shapes = Mapping[str, Sequence[int | None]]
"""Dims by input name; None as the first leaves the batch open."""


@dataclass(frozen=True, slots=True)
class LoweringOptions:
    """How a quantized model becomes a fixed graph.

    Attributes:
        profile: a shipped profile's name or the path of a TOML file; None for the default of the
            file's kind.
        batch: the extent of a symbolic batch; None for 1, or what a .tflite file notes.
        shapes: dims of inputs whose file leaves more than the batch open.
        datatypes: what float inputs of a QONNX model hold, by name, such as ``FIXED<16,6>``.
    """

    profile: str | None = None
    batch: int | None = None
    shapes: Shapes | None = None
    datatypes: Mapping[str, str] | None = None

    @property
    def given(self) -> str | None:
        """The first option that was given, as the command line calls it."""
        options = {
            "--profile": self.profile,
            "--batch": self.batch,
            "--shape": self.shapes,
            "--datatype": self.datatypes,
        }
        return next((name for name, value in options.items() if value), None)


def open_fixed(path: Path, options: LoweringOptions, after: After | None = None) -> Graph:
    """A fixed graph from an ``.intaglio`` file, or from a quantized model by lowering it.

    Raises:
        InvalidFile: the file is no model, or a float one.
        InvalidOption: lowering options for a file that is lowered already.
        UnsupportedModel: parts of the model have no integer form.
    """
    if path.suffix != EXTENSION:
        return lower_file(path, options, after)
    if options.given is not None:
        raise InvalidOption(
            options.given,
            "(given)",
            f"{path} is lowered already",
            "leave the option out, or lower the model again",
        )
    graph = load(path)
    if graph.level is not Level.FIXED:
        raise InvalidFile(
            path,
            "it holds a graph without arithmetic (scaled level)",
            "make it again from the quantized model with `intaglio lower`",
        )
    return graph


def lower_file(path: Path, options: LoweringOptions, after: After | None = None) -> Graph:
    """The fixed graph of a quantized ONNX or TensorFlow Lite model.

    Raises:
        InvalidFile: the file is no model, or a float one.
        UnsupportedModel: parts of the model have no integer form.
    """
    profile = load_profile(options.profile or default_profile(path))
    scaled = import_file(path, options)
    if after is not None:
        after("import", scaled)
    with named(path):
        return lower(scaled, profile, after)


def default_profile(path: Path) -> str:
    """The name of the arithmetic where none is asked for."""
    return TFLITE_PROFILE if path.suffix == TFLITE_EXTENSION else DEFAULT_PROFILE


def import_file(path: Path, options: LoweringOptions) -> Graph:
    """The scaled graph of a quantized ONNX or TensorFlow Lite model.

    Raises:
        InvalidFile: the file is no model, or a float one.
        UnsupportedModel: parts of the model have no integer form.
    """
    if path.suffix == TFLITE_EXTENSION:
        return _import_tflite(path, options)
    if path.suffix == ".pt2":
        raise InvalidFile(
            path,
            "PyTorch can only load such a file by running what is pickled in it",
            "load it in Python yourself, if you trust it, and save "
            "`intaglio.frontends.torch.to_onnx(program, name)` as ONNX",
        )
    model = load_onnx(path, options.shapes)
    if not is_quantized(model):
        raise InvalidFile(
            path,
            "it is a float model, without any QuantizeLinear node",
            "run `intaglio quantize` on it first",
        )
    batch = 1 if options.batch is None else options.batch
    graph = import_onnx(model, str(path), batch, datatypes=options.datatypes)
    return replace(graph, name=path.stem)


def _import_tflite(path: Path, options: LoweringOptions) -> Graph:
    try:
        from intaglio.frontends.tflite import import_tflite
    except ModuleNotFoundError as error:
        if error.name not in ("tflite", "flatbuffers"):
            raise
        raise InvalidFile(
            path,
            "the reader of TensorFlow Lite models isn't installed",
            "run `pip install 'intaglio[tflite]'`",
        ) from None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidFile(
            path, f"it can't be read ({error.strerror or error})", "give the path of a model"
        ) from error
    graph = import_tflite(content, str(path), options.batch, options.shapes)
    return replace(graph, name=path.stem)


def load_onnx(path: Path, shapes: Shapes | None) -> ir.Model:
    """An ONNX file as a model; one with nodes of QONNX keeps its opset.

    Raises:
        InvalidFile: the file is no model.
        UnsupportedModel: its shapes are open, or its opset can't be converted.
    """
    return load_model(path, shapes, QONNX_DOMAINS)


def is_quantized(model: ir.Model) -> bool:
    """Whether a node of the model speaks of integer codes."""
    return any(
        node.op_type in _SPEAK_OF_CODES
        or node.op_type.startswith("QLinear")
        or node.domain in QONNX_DOMAINS
        for node in model.graph
    )


@contextmanager
def named(path: Path) -> Generator[None, None, None]:
    """Put the file in front of a sentence about the model that doesn't name it."""
    try:
        yield
    except (UnsupportedModel, InvalidGraph) as error:
        if str(path) not in str(error):
            error.args = (f"{path}: {error}",)
        raise


def parse_datatypes(texts: Sequence[str]) -> dict[str, str]:
    """What inputs hold from ``NAME=DATATYPE`` texts.

    >>> parse_datatypes(["global_in=FIXED<16,6>"])
    {'global_in': 'FIXED<16,6>'}

    Raises:
        InvalidOption: a text has another form, or names an input twice.
    """
    datatypes: dict[str, str] = {}
    for text in texts:
        name, equals, datatype = text.rpartition("=")
        if not (name and equals and datatype) or name in datatypes:
            raise InvalidOption(
                "--datatype",
                text,
                "it doesn't say what one input holds",
                "write NAME=INT8 or NAME=FIXED<16,6>, once for each input",
            )
        datatypes[name] = datatype
    return datatypes


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int | None, ...]]:
    """Dims by input from ``NAME=dims`` texts; ``?`` as the first dim leaves the batch open.

    >>> parse_shapes(["image=?,3,224,224"])
    {'image': (None, 3, 224, 224)}

    Raises:
        InvalidOption: a text has another form, or names an input twice.
    """
    shapes: dict[str, tuple[int | None, ...]] = {}
    for text in texts:
        match = re.fullmatch(r"(.+)=((?:\?|\d{1,10})(?:,\d{1,10})*)", text)
        if match is None or match[1] in shapes:
            raise InvalidOption(
                "--shape",
                text,
                "it doesn't give one input its dimensions",
                "write NAME=1,3,224,224, once for each input",
            )
        shapes[match[1]] = tuple(None if dim == "?" else int(dim) for dim in match[2].split(","))
    return shapes
