from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.questdb.senders import FACES, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.questdb.senders import Face


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[..., Face]]:
    """Make senders of one kind, which drop what they have when the test has ended."""
    made: list[Face] = []

    def make(text: str, **options: object) -> Face:
        made.append(FACES[request.param](text, **options))
        return made[-1]

    yield make
    for face in made:
        face.drop()
        face.close()
