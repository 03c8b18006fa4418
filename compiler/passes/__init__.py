# SPDX-License-Identifier: Apache-2.0
"""Rewrites of the integer graph, one file each."""
