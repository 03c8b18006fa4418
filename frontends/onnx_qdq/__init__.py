# SPDX-License-Identifier: Apache-2.0
"""QDQ models: ONNX files with QuantizeLinear and DequantizeLinear nodes."""

from intaglio.frontends.onnx_qdq.importer import import_qdq

__all__ = ["import_qdq"]
