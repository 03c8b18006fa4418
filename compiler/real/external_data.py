# SPDX-License-Identifier: Apache-2.0
"""Tensors that an ONNX file keeps in files beside it: checked, then read."""

from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import onnx
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_tensor

from intaglio.errors import InvalidFile


def tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that a graph stores: initializers and attributes, subgraphs included."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from tensors_of(attribute.g)
            for subgraph in attribute.graphs:
                yield from tensors_of(subgraph)


def read_external_data(proto: onnx.ModelProto, path: Path) -> None:
    """Move external tensors into ``proto``, reading only files inside the model's own folder.

    Raises:
        InvalidFile: a location is absolute or leads out of the folder, the file is missing or
            shorter than the tensor's offset and length.
    """
    base = path.resolve().parent
    for tensor in tensors_of(proto.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        _check_location(tensor, path, base)
        load_external_data_for_tensor(tensor, str(base))
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def external_files(path: Path) -> tuple[Path, ...]:
    """The files beside a model that it keeps tensors in, sorted; none that lie elsewhere.

    Raises:
        InvalidFile: a location is absolute or leads out of the folder, or the file is missing.
    """
    base = path.resolve().parent
    found: set[Path] = set()
    for tensor in tensors_of(onnx.load_model_from_string(path.read_bytes()).graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _check_location(tensor, path, base)
            found.add((base / ExternalDataInfo(tensor).location).resolve())
    return tuple(sorted(found))


def _check_location(tensor: onnx.TensorProto, path: Path, base: Path) -> None:
    """Refuse what lies outside the folder before any byte of it is read."""
    where = f"tensor {tensor.name}"
    try:
        info = ExternalDataInfo(tensor)
        location, offset, length = info.location, info.offset or 0, info.length
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidFile(
            path, f"{where} has malformed external data fields", "export the model again"
        ) from error
    windows = PureWindowsPath(location)
    target = (base / location).resolve()
    outside = ".." in windows.parts or windows.is_absolute() or windows.drive
    if not location or outside or not target.is_relative_to(base):
        raise InvalidFile(
            path,
            f"{where} keeps its data at {location!r}, outside the model's folder",
            "put the data file beside the model and export it with a relative location",
        )
    if not target.is_file():
        raise InvalidFile(
            path,
            f"{where} keeps its data in the file {location!r}, which is missing",
            "put that file beside the model",
        )
    size = target.stat().st_size
    if offset < 0 or (length or 0) < 0 or offset + (length or 0) > size:
        raise InvalidFile(
            path,
            f"{where} needs {length} bytes from byte {offset} of {location!r}, "
            f"which has {size} bytes",
            "copy the data file again, it is incomplete",
        )
