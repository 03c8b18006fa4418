# SPDX-License-Identifier: Apache-2.0
"""The range of real numbers that the codes of each value cover: from data, or without any."""
