from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from moorline.core.steps import Close, Connect, Fetch, Now, Start, Wait

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "step",
    [
        Now(),
        Connect(None, 1.0),
        Fetch(None, "select 1", 1.0),
        Close(None),
        Start(None),
        Wait(None, 1.0),
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_step_is_a_frozen_value(step):
    assert step == type(step)(*(getattr(step, name) for name in step.__match_args__))
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        step.timeout = 2.0


def test_the_results_of_steps_are_typed(monkeypatch):
    """mypy --strict reads typed_steps.py; an unused ignore there is an error too."""
    api = pytest.importorskip("mypy.api", reason="the checkers come with `make lint`")
    monkeypatch.chdir(ROOT)
    file = str(ROOT / "tests/core/typed_steps.py")
    report, errors, status = api.run(["--config-file", "pyproject.toml", file])
    assert (status, errors) == (0, ""), report
