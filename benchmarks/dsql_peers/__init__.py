"""Moorline beside AWS's own connector for Aurora DSQL: the same questions to both.

``python -m benchmarks.peers_dsql --help`` tells how to ask them.
"""

from __future__ import annotations
