# SPDX-License-Identifier: Apache-2.0
"""Operators that take and give codes: ONNX's own, and those of ONNX Runtime's domain."""
