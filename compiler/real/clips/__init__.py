# SPDX-License-Identifier: Apache-2.0
"""Bounds of activations: one for a whole tensor, one for each channel, or none."""
