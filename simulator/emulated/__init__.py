# SPDX-License-Identifier: Apache-2.0
"""Objects for ARM, run under QEMU: what the device computes, and in how many instructions."""
