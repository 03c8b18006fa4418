# SPDX-License-Identifier: Apache-2.0
"""Certificates: what is proved of a model's sums and requantizers, and whether a proof holds."""
