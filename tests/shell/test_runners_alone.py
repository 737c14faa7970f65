"""What both runners do without a driver: time passes, and functions are called."""

from __future__ import annotations

import asyncio

import pytest

from moorline.core.steps import Act, Close, Connect, Fetch, Now, Sleep
from moorline.shell import aio, sync


@pytest.fixture(params=[sync, aio], ids=["sync", "asyncio"])
def shell(request):
    """Return what runs a flow to its end."""
    if request.param is sync:
        return sync.run
    return lambda flow: asyncio.run(aio.run(flow))


def test_time_passes_while_a_flow_sleeps(shell):
    def flow():
        before = yield from Now()
        slept = yield from Sleep(0.02)
        return slept, (yield from Now()) - before

    slept, seconds = shell(flow())
    assert slept is None
    assert seconds >= 0.02


async def test_a_task_that_sleeps_leaves_the_loop_to_others():
    order = []

    def flow(name, seconds):
        yield from Sleep(seconds)
        order.append(name)

    await asyncio.gather(aio.run(flow("late", 0.05)), aio.run(flow("soon", 0)))
    assert order == ["soon", "late"]


def test_a_flow_without_a_drivers_steps_needs_no_driver(shell):
    def flow():
        yield from Sleep(0)
        return (yield from Act(lambda: "done"))

    assert shell(flow()) == "done"


@pytest.mark.parametrize(
    "step", [Connect(None, 1.0), Fetch(None, "", None), Close(None)]
)
def test_without_a_driver_its_steps_are_nobodys(shell, step):
    def flow():
        yield from step

    with pytest.raises(TypeError, match=f"no runner performs {type(step).__name__}"):
        shell(flow())
