# SPDX-License-Identifier: Apache-2.0
"""Write ``docs/supported-ops.md``, from the root of a checkout."""

from pathlib import Path

from intaglio.commands.supported_operators.page import frontends_text, profiles_text

PAGE = Path("docs/supported-ops.md")

if __name__ == "__main__":
    PAGE.write_text(f"{frontends_text()}\n{profiles_text()}", encoding="utf-8")
