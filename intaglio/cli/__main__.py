# SPDX-License-Identifier: Apache-2.0
"""``python -m intaglio.cli``."""

from intaglio.cli import main

if __name__ == "__main__":
    main()
