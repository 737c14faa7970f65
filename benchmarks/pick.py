"""Claim: picking a node and reserving a place on it takes microseconds.

Each pick asks every connection that the process holds whether it is still open, so the
price grows with these: they are real ones here. This is a tight loop; between connects,
with colder caches, a pick takes two to four times as long.
"""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.harness import Figure, figure_of, quiet_gc, summary
from moorline.core import events
from moorline.core.address import Address
from moorline.core.placement import Placement, parse_keys, tiers_of
from moorline.core.state import ClusterState
from moorline.core.topology import Node, diff
from moorline.drivers.psycopg import DIALECT
from moorline.lab import YugabyteLab

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Run
    from moorline.core.placement import Tier

__all__ = ["measure"]

US = 1e6
LIMITS = {3: 15.0, 1000: 300.0}  # µs
ANY = tiers_of((), strict=False)
ZONES = 10
KEYS = tiers_of(parse_keys("aws.eu.zone1:1,aws.eu.zone2:2,aws.eu.*:3"), strict=False)
NOW = 1000.0


def measure(run: Run) -> list[Figure]:
    """Pick and reserve among 3 and 1000 nodes, with few and many connections held."""
    most = run.count(300, 10)
    with YugabyteLab(nodes=1, max_connections=most + 10) as lab, ExitStack() as stack:
        conns = [stack.enter_context(psycopg.connect(lab.dsn())) for _ in range(most)]
        figures = []
        for size, limit in LIMITS.items():
            for held in (0, 30, 300):
                state = _cluster(size, conns[:held])
                what = f"{size} nodes, {len(conns[:held])} connections held"
                # The bar was set for the pick; what is held is told beside it.
                figures.append(_figure(run, what, state, ANY, None if held else limit))
            state = _cluster(size, ())
            what = f"{size} nodes, three tiers of keys"
            figures.append(_figure(run, what, state, KEYS, limit))
            state.apply(events.NodeFailed(_address(0), NOW, NOW + 5, "a test"))
            what = f"{size} nodes, one of them failed"
            figures.append(_figure(run, what, state, ANY, limit))
    return figures


def _figure(
    run: Run,
    what: str,
    state: ClusterState,
    tiers: tuple[Tier, ...],
    limit: float | None,
) -> Figure:
    rounds = run.count(4000, 20)
    _picks(state, tiers, rounds // 10)
    with quiet_gc():
        samples = _picks(state, tiers, rounds)
    value, interval = figure_of(median, samples, dice=run.dice())
    return Figure(
        what=f"pick and reserve, {what}, p50",
        value=value * US,
        unit="µs",
        limit=limit,
        bar=f"≤ {limit:g} µs" if limit else "",
        interval=(interval[0] * US, interval[1] * US),
        samples={"reserve and release": summary(samples, US)},
        notes={"loop": "tight: caches are warm"},
    )


def _picks(state: ClusterState, tiers: tuple[Tier, ...], rounds: int) -> list[float]:
    samples = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        place = state.reserve(tiers, (), NOW)
        assert place is not None
        with place:
            pass  # it is given back
        samples.append((time.perf_counter_ns() - start) / 1e9)
    return samples


def _cluster(size: int, held: Sequence[psycopg.Connection[Any]]) -> ClusterState:
    """Return the state of a cluster, with connections that it counts."""
    state = ClusterState(
        (None,),
        new_lock=threading.Lock,
        new_flight=Future,
        dice=random.Random(0).random,
        listen=lambda _event, _before: None,
    )
    nodes = tuple(
        Node(_address(i), Placement("aws", "eu", f"zone{i % ZONES + 1}"))
        for i in range(size)
    )
    state.apply(*diff(state.topology, nodes, "", NOW))
    for conn in held:
        place = state.reserve(ANY, (), NOW)
        assert place is not None
        place.keep(conn, DIALECT.life)
    assert sum(state.loads().values()) == len(held)
    return state


def _address(index: int) -> Address:
    return Address(f"10.0.{index // 250}.{index % 250 + 1}", 5433)
