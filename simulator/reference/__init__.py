# SPDX-License-Identifier: Apache-2.0
"""The definition of every op, in plain Python integers."""
