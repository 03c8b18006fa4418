# SPDX-License-Identifier: Apache-2.0
"""From a float or quantized network to integers, proofs and code."""
