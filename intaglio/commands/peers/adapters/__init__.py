# SPDX-License-Identifier: Apache-2.0
"""Scripts that the peers' own Pythons run: they import nothing of the project."""
