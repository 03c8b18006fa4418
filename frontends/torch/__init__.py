# SPDX-License-Identifier: Apache-2.0
"""PyTorch programs that pt2e quantized (extra ``torch``)."""

from intaglio.frontends.torch.importer import import_torch, to_onnx

__all__ = ["import_torch", "to_onnx"]
