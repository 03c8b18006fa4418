# SPDX-License-Identifier: Apache-2.0
"""Channels are scaled, and biases moved, so that a tensor's one scale suits all its channels."""
