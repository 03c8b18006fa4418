# SPDX-License-Identifier: Apache-2.0
"""Rewrites of the float ONNX graph, one file each, in packages by idea."""
