# SPDX-License-Identifier: Apache-2.0
"""Fixed graphs as objects, through TVM and LLVM."""
