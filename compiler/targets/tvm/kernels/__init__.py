# SPDX-License-Identifier: Apache-2.0
"""Kernels: a fixed op as loops of TIR, a module a family of ops."""
