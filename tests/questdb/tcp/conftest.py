from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.questdb.tcp.clients import Blocking, Looping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(params=[Blocking, Looping], ids=["sync", "asyncio"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Blocking]]:
    """Make clients; `settle=LATE` for those to whom the server is to object."""
    made: list[Blocking] = []
    with asyncio.Runner() as runner:
        Looping.runner = runner

        def begin(protocol: str, *, settle: float | None = None, **options: Any):
            made.append(request.param(protocol, options))
            if settle is not None:
                made[-1].line.settle = settle
            return made[-1]

        yield begin
        for one in made:
            one.close()
