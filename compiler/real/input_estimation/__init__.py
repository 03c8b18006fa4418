# SPDX-License-Identifier: Apache-2.0
"""What a network's input looks like, without any data."""
