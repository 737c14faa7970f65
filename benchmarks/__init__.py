"""One script per claim: what it costs, against the bar that was set for it.

``python -m benchmarks --help`` tells how to run them.
"""

from __future__ import annotations
