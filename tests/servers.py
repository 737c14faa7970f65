"""Fetch what the tests' servers are made of, so that no test has to wait for it."""

from __future__ import annotations

import sys

from moorline.lab import questdb_jar

VERSIONS = ("9.3.4", "9.0.3", "8.2.0")

if __name__ == "__main__":
    for version in VERSIONS:
        sys.stdout.write(f"{questdb_jar.find(version).name}\n")
