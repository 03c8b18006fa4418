# SPDX-License-Identifier: Apache-2.0
"""Read an ONNX file that may be anything at all, and yield a model that passes can trust."""

from collections.abc import Collection, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from onnx import numpy_helper, shape_inference, version_converter
from onnx_ir.passes.common import InlinePass, RemoveInitializersFromInputsPass

from intaglio.compiler.real.external_data import read_external_data, tensors_of
from intaglio.compiler.real.old_resize import state_old_coordinates
from intaglio.compiler.real.onnx_runtime import check, first_line, parse
from intaglio.compiler.real.save import IR_VERSION, OPSET_VERSION
from intaglio.errors import InvalidFile, InvalidOption, UnsupportedModel

MAXIMUM_FILE_BYTES = 2**31 - 1  # what one protocol buffer can hold
MAXIMUM_ELEMENTS = 2**31 - 1  # of one tensor: beyond it no target can index with 32 bits

# Reading an infinite bound is ordinary; computing with an infinite weight is not.
_TAKES_INFINITE_BOUNDS = frozenset({"Clip", "Min", "Max", "Pad"})


def load_model(
    path: Path | str,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
    domains: Collection[str] = (),
) -> ir.Model:
    """Read an ONNX file as a model of opset 21 with every shape inferred.

    A model with nodes of ``domains``, of which ONNX knows nothing, keeps its own opset, and the
    shapes between its nodes stay as they are.

    Args:
        path: the file; external data must lie in its folder.
        shapes: dims for inputs whose file leaves more than the batch open, by input name; None as
            the first dim keeps the batch open.
        domains: of operators that the caller reads itself.

    Returns:
        The model; initializers are no inputs, local functions are inlined, the batch (a symbolic
        leading dimension of an input) stays symbolic, every other input dimension is a number.

    Raises:
        InvalidFile: the file is absent, empty, truncated, not ONNX, inconsistent, lacks external
            data, holds NaN or infinite weights, or absurd shapes.
        InvalidOption: ``shapes`` names no input or doesn't fit it.
        UnsupportedModel: symbolic dimensions beyond the batch, sparse tensors, or an opset that
            can't be converted.
    """
    path = Path(path)
    proto = _parse(path)
    read_external_data(proto, path)
    _check_tensors(proto, path)
    _set_shapes(proto, shapes or {}, path)
    own = _state_domains(proto, domains)
    _check_or_refuse(proto, path)
    _check_inputs(proto, path)
    if not own:
        proto = _infer(_convert(proto, path), path)
    model = _to_model(proto, path)
    _check_sizes(model, path)
    if own:
        return model
    model.ir_version = IR_VERSION
    return model


def _state_domains(proto: onnx.ModelProto, domains: Collection[str]) -> bool:
    """Whether nodes are of ``domains``; some exporters leave out that the model imports them."""
    used = {node.domain for node in proto.graph.node}.intersection(domains)
    for domain in sorted(used.difference(entry.domain for entry in proto.opset_import)):
        proto.opset_import.add(domain=domain, version=1)
    return bool(used)


def infer_shapes(model: ir.Model) -> ir.Model:
    """A copy of ``model`` with types and shapes on every value that ONNX can infer."""
    inferred = shape_inference.infer_shapes(ir.to_proto(model), data_prop=True)
    return ir.from_proto(inferred)


def _parse(path: Path) -> onnx.ModelProto:
    try:
        size = path.stat().st_size
        if size > MAXIMUM_FILE_BYTES:
            raise InvalidFile(
                path,
                f"the file has {size} bytes, more than an ONNX file can have",
                "export it with external data",
            )
        data = path.read_bytes()
    except OSError as error:
        raise InvalidFile(
            path, f"the file can't be read ({error.strerror})", "give the path of an ONNX file"
        ) from error
    if not data:
        raise InvalidFile(path, "the file is empty", "export or copy it again")
    try:
        proto = parse(data)
    except ValueError as error:
        raise InvalidFile(
            path,
            "the file is truncated or isn't ONNX",
            "give a complete .onnx file",
        ) from error
    if not proto.graph.node or not proto.opset_import:
        raise InvalidFile(
            path, "the file has no ONNX graph with nodes", "give a complete .onnx file"
        )
    return proto


def _check_tensors(proto: onnx.ModelProto, path: Path) -> None:
    if proto.graph.sparse_initializer:
        problems = [f"tensor {s.values.name}: sparse" for s in proto.graph.sparse_initializer]
        raise UnsupportedModel(str(path), problems, "Export the model with dense weights")
    bounds = _bounds_only(proto.graph)
    for tensor in tensors_of(proto.graph):
        count = prod(tensor.dims)
        if any(dim < 0 for dim in tensor.dims) or count > MAXIMUM_ELEMENTS:
            raise InvalidFile(
                path,
                f"tensor {tensor.name} has the absurd shape {list(tensor.dims)}",
                f"export the model again with at most {MAXIMUM_ELEMENTS} elements a tensor",
            )
        if tensor.data_type == onnx.TensorProto.STRING:
            continue
        try:
            array = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            raise InvalidFile(
                path,
                f"tensor {tensor.name} doesn't hold the {count} elements of its shape "
                f"{list(tensor.dims)}",
                "export or copy the model again",
            ) from error
        if array.dtype.kind != "f":
            continue
        allowed = ~np.isnan(array) if tensor.name in bounds else np.isfinite(array)
        if not allowed.all():
            raise InvalidFile(
                path,
                f"tensor {tensor.name} has {int((~allowed).sum())} NaN or infinite element(s)",
                "train or export the model again",
            )


def _bounds_only(graph: onnx.GraphProto) -> set[str]:
    """Names of initializers that nothing but a clamp or a pad reads."""
    readers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    return {name for name, ops in readers.items() if ops <= _TAKES_INFINITE_BOUNDS}


def _real_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    stored = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in stored]


def _set_shapes(
    proto: onnx.ModelProto, shapes: Mapping[str, Sequence[int | None]], path: Path
) -> None:
    inputs = {value.name: value for value in _real_inputs(proto.graph)}
    for name, dims in shapes.items():
        shown = f"{name}={','.join('?' if dim is None else str(dim) for dim in dims)}"
        if name not in inputs:
            known = ", ".join(inputs)
            raise InvalidOption("shape", shown, f"{path} has no such input", f"it has {known}")
        shape = inputs[name].type.tensor_type.shape
        if shape.dim and len(shape.dim) != len(dims):
            raise InvalidOption(
                "shape", shown, f"the input has {len(shape.dim)} dimensions", "give as many"
            )
        if any(dim is None or dim < 1 for dim in dims[1:]) or (dims and (dims[0] or 1) < 1):
            raise InvalidOption(
                "shape", shown, "a dimension isn't a positive number", "give positive numbers"
            )
        while len(shape.dim) < len(dims):
            shape.dim.add()
        for slot, dim in zip(shape.dim, dims, strict=True):
            if dim is not None:
                slot.dim_value = dim
    if shapes:  # what was inferred from the old dims no longer holds
        del proto.graph.value_info[:]
        for output in proto.graph.output:
            for slot in output.type.tensor_type.shape.dim:
                slot.Clear()


def _check_or_refuse(proto: onnx.ModelProto, path: Path) -> None:
    try:
        check(proto)
    except ValueError as error:
        raise InvalidFile(
            path, f"the model isn't valid ONNX ({error})", "export the model again"
        ) from error


def _check_inputs(proto: onnx.ModelProto, path: Path) -> None:
    inputs = _real_inputs(proto.graph)
    if not inputs:
        raise InvalidFile(path, "the model has no input", "give a model that computes something")
    problems: list[str] = []
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        if any(dim.HasField("dim_value") and dim.dim_value < 1 for dim in dims):
            raise InvalidFile(
                path,
                f"input {value.name} has a dimension below 1",
                "export the model with the shape it shall run at",
            )
        if not value.type.tensor_type.HasField("shape"):
            problems.append(f"input {value.name}: no shape at all")
            continue
        symbolic = [dim.dim_param or "?" for dim in dims[1:] if not dim.HasField("dim_value")]
        if symbolic:
            problems.append(
                f"input {value.name}: symbolic dimension(s) {', '.join(symbolic)} beyond the batch"
            )
    if problems:
        raise UnsupportedModel(
            str(path), problems, "State each input's shape, as in --shape NAME=1,3,224,224"
        )


def _convert(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    version = next((e.version for e in proto.opset_import if e.domain in ("", "ai.onnx")), None)
    if version is None or version == OPSET_VERSION:
        return proto
    advice = f"Export the model with opset {OPSET_VERSION}, or one between 13 and {OPSET_VERSION}"
    try:
        converted = version_converter.convert_version(proto, OPSET_VERSION)
    except Exception as error:  # the converter throws whatever its C++ side throws
        problem = f"opset {version}: {first_line(error)}"
        raise UnsupportedModel(str(path), [problem], advice) from error
    problems = state_old_coordinates(converted.graph, version) if version < 11 else []
    if problems:
        raise UnsupportedModel(str(path), problems, advice)
    return converted


def _infer(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    try:
        return shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True)
    except (shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise InvalidFile(
            path,
            f"the shapes of the model contradict each other ({first_line(error)})",
            "export the model again",
        ) from error


def _to_model(proto: onnx.ModelProto, path: Path) -> ir.Model:
    try:
        model = ir.from_proto(proto)
        InlinePass()(model)
        RemoveInitializersFromInputsPass()(model)
        ir.to_proto(model)  # names that aren't text only show when they are written again
    except (ir.serde.SerdeError, ir.passes.PassError, ValueError, TypeError, KeyError) as error:
        raise InvalidFile(
            path,
            f"parts of the model are damaged ({first_line(error)})",
            "export or copy it again",
        ) from error
    return model


def _check_sizes(model: ir.Model, path: Path) -> None:
    values = [*model.graph.inputs, *(v for node in model.graph for v in node.outputs)]
    for value in values:
        if value.shape is None:
            continue
        dims = [dim for dim in value.shape if isinstance(dim, int)]
        if any(dim < 0 for dim in dims) or prod(dims) > MAXIMUM_ELEMENTS:
            raise InvalidFile(
                path,
                f"value {value.name} has the absurd shape {value.shape}",
                f"export the model with at most {MAXIMUM_ELEMENTS} elements a tensor",
            )
