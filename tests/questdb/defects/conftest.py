from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.questdb.senders import FACES, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.questdb.senders import Face


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[..., Face]]:
    """Make senders of one kind, which drop what they have when the test has ended."""
    with ExitStack() as undo:

        def make(text: str, **options: object) -> Face:
            face = FACES[request.param](text, **options)
            undo.callback(face.close)
            undo.callback(face.drop)
            return face

        yield make
