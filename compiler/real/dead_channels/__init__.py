# SPDX-License-Identifier: Apache-2.0
"""Channels that are as good as constant, and what becomes of them."""
