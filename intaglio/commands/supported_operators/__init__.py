# SPDX-License-Identifier: Apache-2.0
"""What is supported: operator by frontend, and arithmetic by profile."""
