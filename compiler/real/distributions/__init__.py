# SPDX-License-Identifier: Apache-2.0
"""The clipped normal distribution of every channel of every value."""
