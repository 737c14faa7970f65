"""Things to time in turn, in random order within each round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.peers.client import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.questdb_peers.stage import Stage

__all__ = ["Arm", "Times", "race"]

SAMPLE = 300  # rows that are compared byte by byte
PATIENCE = 180.0  # seconds for one run; a few is usual

# The seconds of each round by arm; a text in their place says why there are none.
Times = dict[str, list[float] | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One thing to time.

    Args:
        client: Who does it.
        verb: What its program is asked.
        arguments: With what.
        wire: Arms that have this in common must write the same bytes; "" if it cannot
            be asked of the program.
        before: Called before each run, to forget what came in others: one that failed
            may have sent something.
        check: Called after each run; WorkerFailed if it finds that rows are missing.
    """

    client: str
    verb: str = "write"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    wire: str = ""
    before: Callable[[], object] | None = None
    check: Callable[[], object] | None = None

    def run(self, stage: Stage) -> dict[str, float]:
        """Do it once; return what the program tells."""
        worker = stage.worker(self.client)
        if self.before is not None:
            self.before()
        told: dict[str, float] = worker.ask(self.verb, limit=PATIENCE, **self.arguments)
        if self.check is not None:
            self.check()
        return told

    def sample(self, stage: Stage) -> str:
        """Return what it writes, of a few rows."""
        fewer = {**self.arguments, "count": SAMPLE}
        written: str = stage.worker(self.client).ask("sample", **fewer)
        return written


def race(stage: Stage, arms: Mapping[str, Arm], rounds: int) -> Times:
    """Time all arms once in each round; those of clients that are left out, not.

    In a first round, which does not count, everything is made that later ones use
    again. An arm that fails is out of the race, and its error stands for its times.
    """
    left = {name: arm for name, arm in arms.items() if arm.client in stage.clients}
    times: Times = {}
    samples: dict[str, list[float]] = {name: [] for name in left}
    written: dict[str, set[object]] = {}
    dice = stage.run.dice()
    for number in range(-1, rounds):
        order = list(left)
        dice.shuffle(order)
        for name in order:
            arm = left[name]
            seen = written.setdefault(arm.wire, set())
            try:
                if arm.wire and number < 0:
                    seen.add(arm.sample(stage))
                told = arm.run(stage)
            except WorkerFailed as failed:
                times[name] = str(failed)
                del left[name]
                continue
            if arm.wire:
                seen.add(told["size"])
            if number >= 0:
                samples[name].append(told["seconds"])
    for wire, seen in written.items():
        assert len(seen) <= 2, f"{wire}: not the same bytes"  # noqa: PLR2004 - one sample, one size
    return {**{name: samples[name] for name in left}, **times}
