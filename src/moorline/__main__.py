"""``python -m moorline``: the same as the command ``moorline``."""

from __future__ import annotations

import sys

from moorline.cli import main

if __name__ == "__main__":
    sys.exit(main())
