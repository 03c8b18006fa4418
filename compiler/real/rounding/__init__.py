# SPDX-License-Identifier: Apache-2.0
"""Weights are rounded by what their layer computes."""
