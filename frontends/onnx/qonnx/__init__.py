# SPDX-License-Identifier: Apache-2.0
"""QONNX: float32 graphs whose Quant nodes say where codes are, of any width and rounding.

A matrix product or convolution of codes is an accumulator.  What the file computes from there to
the next Quant in float32, with constants, is kept as it stands (``Stepped``), and becomes
thresholds on the accumulator.
"""
