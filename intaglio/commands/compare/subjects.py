# SPDX-License-Identifier: Apache-2.0
"""Which format a file has, and whether a peer reads it."""

from pathlib import Path

from intaglio.commands.compare.onnx_subject import OnnxSubject
from intaglio.commands.compare.qonnx_subject import QonnxSubject
from intaglio.commands.compare.subject import Subject
from intaglio.commands.models import EXTENSION, LoweringOptions, import_file
from intaglio.commands.peers.catalog import Peer
from intaglio.errors import InvalidFile

_DEFAULT = LoweringOptions()


def open_subject(path: Path, peer: Peer, options: LoweringOptions = _DEFAULT) -> Subject:
    """A model that the peer reads, in steps.

    Raises:
        InvalidFile: the file is no model, a float one, or one that the peer doesn't read.
        UnsupportedModel: parts of the model have no integer form.
    """
    wanted = ".onnx" if peer in (Peer.ONNXRUNTIME, Peer.QONNX) else ".tflite"
    if path.suffix == EXTENSION or (path.suffix == ".tflite") != (wanted == ".tflite"):
        raise InvalidFile(
            path, f"{peer.value} doesn't read such a file", f"give the {wanted} file that it runs"
        )
    if path.suffix == ".tflite":
        graph = import_file(path, options)
        # Its imports are an extra; without it the line above has said so.
        from intaglio.commands.compare.tflite_subject import TfliteSubject

        return TfliteSubject.of(path, graph)
    if peer is Peer.QONNX:
        graph = import_file(path, options)
        return QonnxSubject.of(path, graph)
    return OnnxSubject.open(path, options)
