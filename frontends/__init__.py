# SPDX-License-Identifier: Apache-2.0
"""Readers of quantized networks: each yields an integer graph at the scaled level."""
