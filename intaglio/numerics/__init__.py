# SPDX-License-Identifier: Apache-2.0
"""Exact integer arithmetic: types, rounding, requantizers, staircases, profiles."""
