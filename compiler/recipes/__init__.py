# SPDX-License-Identifier: Apache-2.0
"""Ways to quantize a float network, each picked by its name."""
