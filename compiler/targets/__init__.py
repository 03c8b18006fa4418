# SPDX-License-Identifier: Apache-2.0
"""What a fixed graph is compiled to, a package a tool chain."""
