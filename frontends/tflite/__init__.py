# SPDX-License-Identifier: Apache-2.0
"""Quantized TensorFlow Lite files."""

from intaglio.frontends.tflite.importer import import_tflite

__all__ = ["import_tflite"]
