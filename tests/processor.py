# SPDX-License-Identifier: Apache-2.0
"""What the processor that runs the tests can do."""

from pathlib import Path


def has_vnni() -> bool:
    """Whether it multiplies bytes into 32-bit sums without saturating between."""
    path = Path("/proc/cpuinfo")
    flags = path.read_text() if path.exists() else ""
    return "avx512_vnni" in flags or "avx_vnni" in flags
