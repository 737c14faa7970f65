"""Moorline beside QuestDB's own clients: the same rows, written and sent by each.

``python -m benchmarks.peers_questdb --help`` tells how to have them written.
"""

from __future__ import annotations
