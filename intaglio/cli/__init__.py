# SPDX-License-Identifier: Apache-2.0
"""The command line: verbs that parse, call ``intaglio.commands`` and print.

Exit codes: 0 done; 1 engines differ or a check failed; 2 wrong usage or unusable input;
130 interrupted.
"""

import sys

from intaglio.cli.app import app
from intaglio.errors import IntaglioError


def main() -> None:
    """Run the command line; a user's problem is one sentence on standard error, without traceback.

    Any other exception is a bug of ours and keeps its traceback.
    """
    try:
        app(prog_name="intaglio")
    except IntaglioError as error:
        print(f"intaglio: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except MemoryError:
        print("intaglio: the memory is used up; take a smaller batch or model.", file=sys.stderr)
        sys.exit(IntaglioError.exit_code)
