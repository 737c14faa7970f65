from __future__ import annotations

import pytest

from moorline.core.address import Address
from moorline.core.attempt import Attempt

N1 = Address("n1", 5433)


@pytest.mark.parametrize(
    ("attempt", "text"),
    [
        (Attempt(N1, "refused"), "n1:5433: refused"),
        (Attempt(None, "refused"), "as given: refused"),
        (Attempt(N1, "refused", seconds=1.234), "n1:5433: refused (after 1.23 s)"),
        (Attempt(N1, "refused", seconds=0.0), "n1:5433: refused (after 0.00 s)"),
        (
            Attempt(N1, "refused", "c.r.z", "priority 1: c.r.*", "up", 0.5),
            "n1:5433 [c.r.z; priority 1: c.r.*; up]: refused (after 0.50 s)",
        ),
        (Attempt(N1, "refused", tier="any node"), "n1:5433 [any node]: refused"),
        (Attempt(Address("::1", 5433), "refused"), "[::1]:5433: refused"),
        (Attempt(Address("", 5433), "refused"), "local socket:5433: refused"),
        (Attempt(Address("", 5433, "10.0.0.1"), "x"), "10.0.0.1:5433: x"),
    ],
)
def test_an_attempt_is_one_line(attempt, text):
    assert str(attempt) == text
