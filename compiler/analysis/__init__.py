# SPDX-License-Identifier: Apache-2.0
"""What can be proved about an integer graph: ranges, certificates, lifetimes."""
