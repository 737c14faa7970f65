from __future__ import annotations

import pytest

from moorline.core.steps import Connect, Now
from tests.core.scripted import play


def test_a_step_yields_itself_once_and_returns_what_it_is_sent():
    def flow():
        return (yield from Now())

    assert play(flow(), 12.5) == (12.5, [Now()])


def test_a_flow_may_go_on_after_an_exception():
    def flow():
        try:
            yield from Connect(None, 1.0)
        except OSError as error:
            return f"{error} at {yield from Now()}"

    steps = [Connect(None, 1.0), Now()]
    assert play(flow(), OSError("refused"), 7.0) == ("refused at 7.0", steps)


def test_an_exception_that_no_flow_handles_comes_out_of_all_of_them():
    def inner():
        yield from Now()

    def outer():
        yield from inner()

    with pytest.raises(OSError, match="clock"):
        play(outer(), OSError("clock"))
