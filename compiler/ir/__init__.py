# SPDX-License-Identifier: Apache-2.0
"""The integer IR: types, two closed unions of ops, an immutable graph, its text and its file."""
