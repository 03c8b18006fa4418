# SPDX-License-Identifier: Apache-2.0
"""Kernels of explicit vectors, parametrised by what the machine has for them."""
