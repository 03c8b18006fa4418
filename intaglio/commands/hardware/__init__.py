# SPDX-License-Identifier: Apache-2.0
"""What a hardware file means, stage by stage, and what a network asks of it."""
