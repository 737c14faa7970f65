"""The worker's end of the pipe: a line of JSON comes in, a line of JSON goes out.

A worker imports this in the driver's own environment: standard library only.
"""

from __future__ import annotations

import json
import os
import sys

__all__ = ["serve"]


def serve(worker: object) -> None:
    """Do what each line of stdin asks for, until there are no more.

    Each public method of a worker is a verb.
    """
    # A driver may print: only answers go to where answers are read.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        verb, arguments = json.loads(line)
        answer: dict[str, object]
        try:
            answer = {"answer": getattr(worker, verb)(**arguments)}
        except Exception as error:  # noqa: BLE001 - the controller judges it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=channel, flush=True)
