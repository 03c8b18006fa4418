# SPDX-License-Identifier: Apache-2.0
"""Synthetic inputs for a network, made from the network alone (extra ``torch``)."""
