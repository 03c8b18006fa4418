# SPDX-License-Identifier: Apache-2.0
"""A quantized network run layer by layer, each shown before the next one runs."""
