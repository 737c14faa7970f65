"""Moor Python programs to distributed databases, on the drivers people already have."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
