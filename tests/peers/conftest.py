# SPDX-License-Identifier: Apache-2.0
"""The adapter runs in the peers' own environment; here its imports are missing."""

collect_ignore = ["litert_adapter.py"]
