"""What the tests of parity share."""

from __future__ import annotations

import pytest

from tests.parity.implementations import load, need_kernel


@pytest.fixture(scope="session")
def both():
    """Return the classes of the original and of the kernel."""
    need_kernel()
    return load("python"), load("c")
