# SPDX-License-Identifier: Apache-2.0
"""What LLVM calls where a processor lacks an instruction, so that an object needs no library."""
