# SPDX-License-Identifier: Apache-2.0
"""The reference's twin on NumPy arrays."""
