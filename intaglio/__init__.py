# SPDX-License-Identifier: Apache-2.0
"""Intaglio: a compiler back end and bit-accurate simulator for integer neural networks."""
