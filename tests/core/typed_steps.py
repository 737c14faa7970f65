"""What the type checkers must infer of steps; test_steps.py has mypy read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_type

from moorline.core.dial import connect
from moorline.core.flight import Outcome
from moorline.core.steps import Act, Close, Connect, Fetch, Now, Row, Start, Wait

if TYPE_CHECKING:
    from moorline.core.flight import Discovery
    from moorline.core.flow import Flow
    from moorline.core.request import Request
    from moorline.core.state import ClusterState


def flow(flight: Discovery, state: ClusterState, request: Request) -> Flow[float]:
    now = yield from Now()
    assert_type(now, float)
    conn = yield from Connect(None, None)
    assert_type(conn, object)
    rows = yield from Fetch(conn, "select 1", None)
    assert_type(rows, Sequence[Row])
    outcome = yield from Wait(flight, None)
    assert_type(outcome, Outcome)
    length = yield from Act("text".__len__)
    assert_type(length, int)
    dialled = yield from connect(state, request, now)
    assert_type(dialled, object)
    yield from Start(nothing())
    yield from Start(flow(flight, state, request))  # type: ignore[arg-type]
    assert_type((yield from Close(conn)), None)
    return now


def nothing() -> Flow[None]:
    wrong: str = yield from Now()  # type: ignore[assignment]
    del wrong
