"""Moorline beside YugabyteDB's own Python drivers: the same questions to each.

``python -m benchmarks.peers_yugabyte --help`` tells how to ask them.
"""

from __future__ import annotations
