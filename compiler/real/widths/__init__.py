# SPDX-License-Identifier: Apache-2.0
"""Which layer gets which width: what widths cost, and what they lose."""
