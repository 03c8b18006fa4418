# SPDX-License-Identifier: Apache-2.0
"""Engines that run an integer graph, equal to each other on every bit."""
