# SPDX-License-Identifier: Apache-2.0
"""Quantized ONNX models: QDQ nodes, and what else of ONNX speaks of codes."""

from intaglio.frontends.onnx.importer import import_onnx

__all__ = ["import_onnx"]
