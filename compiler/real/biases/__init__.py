# SPDX-License-Identifier: Apache-2.0
"""Biases make up for the mean error of quantized layers."""
