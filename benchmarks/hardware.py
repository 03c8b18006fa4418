# SPDX-License-Identifier: Apache-2.0
"""All that is claimed for hardware teams, measured: one part after another, each in a process.

    python -m benchmarks.hardware [--only NAME ...]

The exit code is 1 where a part finds a difference, a wrong certificate that passes, or a demand
that isn't met.
"""

import argparse
import subprocess
import sys

PARTS = {
    "certificates": "hardware_certificates",
    "speed": "hardware_speed",
    "presets": "hardware_presets",
    "vectors": "hardware_vectors",
    "repair": "hardware_repair",
    "sweeps": "hardware_sweeps",
}
"""The scripts by the name that chooses them; the quickest first."""


def main() -> int:
    """Run the parts that are asked for; the worst of their exit codes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts")
    worst = 0
    for name in parser.parse_args().only:
        print(f"\n## {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{PARTS[name]}"]
        worst = max(worst, abs(subprocess.run(command, check=False).returncode))
    return min(worst, 1)


if __name__ == "__main__":
    sys.exit(main())
