# SPDX-License-Identifier: Apache-2.0
"""Intaglio: a compiler back end and bit-accurate simulator for integer neural networks.

The verbs of the command line as functions, imported when first used::

    from pathlib import Path
    import intaglio

    graph = intaglio.lower(Path("net.qdq.onnx"), intaglio.LoweringOptions(profile="tflm"))
    intaglio.save(graph, "net.intaglio")
    outputs = intaglio.simulate(graph, {"image": image})

- ``quantize(path, output, choices, given)``: float ONNX to quantized ONNX.  ``load_choices(name)``
  has the choices of a recipe, ``Given`` is what a user gives beside: data, ranges, a budget.
- ``lower(path, options)``: quantized ONNX to a fixed graph.
- ``simulate(graph, inputs, observer)``: the outputs by name, to the last bit; the observer is shown
  every tensor.
- ``load(path)``, ``save(graph, path)``: a graph in an ``.intaglio`` file.
- ``inspect(path, options)``: layers, sizes, accumulator bits by proof.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from intaglio.errors import IntaglioError as IntaglioError

if TYPE_CHECKING:
    from intaglio.commands.inspect import inspect_file as inspect
    from intaglio.commands.models import LoweringOptions as LoweringOptions
    from intaglio.commands.models import lower_file as lower
    from intaglio.commands.quantize import CalibrationSource as CalibrationSource
    from intaglio.commands.quantize import Given as Given
    from intaglio.commands.quantize import quantize_file as quantize
    from intaglio.compiler.ir.file import load as load
    from intaglio.compiler.ir.file import save as save
    from intaglio.compiler.ir.graph import Graph as Graph
    from intaglio.compiler.real.quantization.options import (
        QuantizationOptions as QuantizationOptions,
    )
    from intaglio.compiler.recipes import Choices as Choices
    from intaglio.compiler.recipes import load_choices as load_choices
    from intaglio.simulator.vectorized import run as simulate

__version__: str

_FACE = {
    "CalibrationSource": ("intaglio.commands.quantize", "CalibrationSource"),
    "Choices": ("intaglio.compiler.recipes", "Choices"),
    "Given": ("intaglio.commands.quantize", "Given"),
    "Graph": ("intaglio.compiler.ir.graph", "Graph"),
    "LoweringOptions": ("intaglio.commands.models", "LoweringOptions"),
    "QuantizationOptions": ("intaglio.compiler.real.quantization.options", "QuantizationOptions"),
    "inspect": ("intaglio.commands.inspect", "inspect_file"),
    "load": ("intaglio.compiler.ir.file", "load"),
    "load_choices": ("intaglio.compiler.recipes", "load_choices"),
    "lower": ("intaglio.commands.models", "lower_file"),
    "quantize": ("intaglio.commands.quantize", "quantize_file"),
    "save": ("intaglio.compiler.ir.file", "save"),
    "simulate": ("intaglio.simulator.vectorized", "run"),
}

__all__ = [
    "CalibrationSource",
    "Choices",
    "Given",
    "Graph",
    "IntaglioError",
    "LoweringOptions",
    "QuantizationOptions",
    "__version__",
    "inspect",
    "load",
    "load_choices",
    "lower",
    "quantize",
    "save",
    "simulate",
]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first used."""
    if name == "__version__":
        return _version()
    if name not in _FACE:
        raise AttributeError(f"module 'intaglio' has no attribute {name!r}")
    module, attribute = _FACE[name]
    return getattr(import_module(module), attribute)


def _version() -> str:
    try:
        return version("intaglio")
    except PackageNotFoundError:
        return "not installed"
