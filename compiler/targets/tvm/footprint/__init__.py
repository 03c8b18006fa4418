# SPDX-License-Identifier: Apache-2.0
"""What a compiled network costs: bytes of flash and of RAM, and products by layer."""
