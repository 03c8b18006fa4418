# SPDX-License-Identifier: Apache-2.0
"""Write an ONNX file: whole, or not at all."""

import os
import tempfile
from pathlib import Path

import onnx
import onnx_ir as ir

from intaglio.compiler.real.onnx_runtime import check, to_proto
from intaglio.errors import InvalidFile

IR_VERSION = 10
OPSET_VERSION = 21


def save_model(model: ir.Model, path: Path | str) -> None:
    """Write ``model`` as ONNX ``ir_version`` 10, opset 21, checked by ONNX's own checker.

    The bytes go to a temporary file beside ``path`` that takes its name only when complete, so a
    failure leaves neither a partial file nor a changed old one.

    Raises:
        InvalidFile: the model isn't valid ONNX, is too large for one file, or can't be written.
    """
    path = Path(path)
    data = _serialize(model, path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _serialize(model: ir.Model, path: Path) -> bytes:
    proto: onnx.ModelProto = to_proto(model)
    proto.ir_version = IR_VERSION
    opset = next((entry.version for entry in proto.opset_import if entry.domain == ""), None)
    if opset != OPSET_VERSION:
        raise InvalidFile(
            path,
            f"the model to write is of opset {opset}",
            f"convert it to opset {OPSET_VERSION} by loading it with load_model",
        )
    try:
        check(proto, shapes=True)
        data: bytes = proto.SerializeToString()
        return data
    except ValueError as error:
        raise InvalidFile(
            path, f"the model to write isn't valid ONNX ({error})", "report this as a fault"
        ) from error


def _unwritable(path: Path, error: OSError) -> InvalidFile:
    return InvalidFile(
        path, f"the file can't be written ({error.strerror})", "choose a writable place"
    )
