"""The command ``moorline``: `main` is its entry point.

Everything is imported when it is needed: this module must load without the packages
of the extra ``cli``, to say that they are missing.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["INTERRUPTED", "USAGE", "main"]

USAGE = 2
INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended
_NEEDED = ("click", "rich")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: fine; 1: it could not be done; 2: wrong usage; 130: ended by Ctrl-C.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        _say(
            f"the command line needs {' and '.join(missing)}: "
            "pip install 'moorline[cli]'"
        )
        return USAGE
    try:
        from moorline.cli import app  # noqa: PLC0415 - see above

        return app.run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has left, as `head` does. Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _say(line: str) -> None:
    print(f"moorline: {line}", file=sys.stderr)  # noqa: T201 - it is the command line
