"""A handle on a cluster, for those who want to look at it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from moorline.core.deadline import Deadline
from moorline.core.picker import picker as picker_of
from moorline.core.plan import hint, survey
from moorline.core.refresh import ensure_listed, read_list
from moorline.errors import ConfigError
from moorline.shell import sync
from moorline.yugabyte import registry
from moorline.yugabyte.resolve import resolve
from moorline.yugabyte.view import ClusterTopology, Explanation, NodeView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moorline.core.address import Address
    from moorline.core.flow import Flow
    from moorline.core.options import Value
    from moorline.core.picker import Picker
    from moorline.core.plan import Standing
    from moorline.core.request import Dialect, Request
    from moorline.core.state import ClusterState
    from moorline.core.topology import Topology
    from moorline.yugabyte.resolve import Plan

__all__ = ["Cluster"]


BALANCED = (("load_balance", "true"),)


class Cluster:
    """The cluster that a conninfo leads to, as this process knows it.

    Handles are cheap and share one state: counts, nodes and failures are those of
    every connection that this process opened through moorline, to the same contact
    points, whatever its driver.

    Args:
        conninfo: As for ``connect``; without ``load_balance``, it is taken to be true.
        picker: The rule that chooses among candidates, for the whole process:
            ``"least-loaded"`` (the default), ``"uniform"``, or a function
            `moorline.core.picker.Picker`. `None` leaves it as it is.
        options: As for ``connect``.

    Raises:
        ConfigError: An option is bad.
    """

    def __init__(
        self,
        conninfo: str = "",
        *,
        picker: str | Picker | None = None,
        **options: Value,
    ) -> None:
        self._found, self._request, self._run = _door(conninfo, options)
        if picker is not None:
            try:
                self._state.picker = picker_of(picker)
            except ConfigError as error:
                raise self._request.dialect.config_error(str(error)) from None

    @property
    def _state(self) -> ClusterState:
        return self._found.home

    def topology(self) -> ClusterTopology:
        """Return the nodes with placement, role, health and load.

        Reads the list of nodes first if it is not known yet; otherwise answers from
        memory, and has the list read again in the background when that is due.

        Raises:
            NoNodeAvailable: The list was never read and no contact point answers.
            DeadlineExceeded: The same, and ``connect_timeout`` is over.
        """
        self._list()
        topology, standings = self._look()
        nodes = {one.node.address: NodeView.of(one) for one in standings}
        return ClusterTopology(
            nodes=tuple(nodes[node.address] for node in topology.nodes),
            universe=topology.universe,
            age=time.monotonic() - (topology.listed_at or 0.0),
        )

    def explain(self) -> Explanation:
        """Say why the next connection goes where it goes, node by node.

        Raises:
            NoNodeAvailable: The list was never read and no contact point answers.
            DeadlineExceeded: The same, and ``connect_timeout`` is over.
        """
        self._list()
        topology, standings = self._look()
        rule = self._state.picker
        return Explanation(
            nodes=tuple(map(NodeView.of, standings)),
            options=self._request.options,
            picker=getattr(rule, "__name__", repr(rule)).replace("_", "-"),
            hint=hint(topology, self._request.tiers),
        )

    def refresh(self) -> None:
        """Read the list of nodes now, and wait for it.

        Raises:
            NoNodeAvailable: No contact point and no known node answers.
            DeadlineExceeded: ``connect_timeout`` is over.
        """
        now = time.monotonic()
        deadline = Deadline.after(now, self._request.timeout)
        self._run(read_list(self._state, self._request, now, deadline, force=True))

    def drain(self, node: str | NodeView) -> None:
        """Give a node no new connections, from this process, until `undrain`.

        Idle connections to it in pools that moorline made are replaced, in the
        background; those in use when they come back. Other connections stay.

        Args:
            node: As `topology` shows it, or as ``host:port``; the host alone will do
                if no other node has it.

        Raises:
            ConfigError: There is no such node, or more than one.
            NoNodeAvailable: The list was never read and no contact point answers.
            DeadlineExceeded: The same, and ``connect_timeout`` is over.
        """
        registry.drain(self._state, self._address(node), drained=True)

    def undrain(self, node: str | NodeView) -> None:
        """Use a node again; see `drain`."""
        registry.drain(self._state, self._address(node), drained=False)

    def _address(self, node: str | NodeView) -> Address:
        self._list()
        name = f"{node.host}:{node.port}" if isinstance(node, NodeView) else node
        known = [one.address for one in self._state.topology.nodes]
        found = [a for a in known if name in (str(a), a.host, f"{a.host}:{a.port}")]
        if len(found) != 1:
            nodes = ", ".join(map(str, known))
            raise self._request.dialect.config_error(
                f"drain({name!r}): {len(found)} nodes are called so; there are {nodes}"
            )
        return found[0]

    def _list(self) -> None:
        now = time.monotonic()
        deadline = Deadline.after(now, self._request.timeout)
        self._run(ensure_listed(self._state, self._request, now, deadline))

    def _look(self) -> tuple[Topology, tuple[Standing, ...]]:
        """Read the topology once: a refresh may replace it at any moment."""
        topology = self._state.topology
        loads = self._state.loads()
        now = time.monotonic()
        return topology, survey(topology, self._request.tiers, loads, now)

    def __repr__(self) -> str:
        contacts = ",".join(map(str, self._state.contacts))
        return f"<Cluster at {contacts}: {len(self._state.topology.nodes)} nodes known>"


Door: TypeAlias = "tuple[ClusterState, Request, Callable[[Flow[float]], float]]"


def _door(conninfo: str, options: Mapping[str, Value]) -> Door:
    """Return the cluster behind a conninfo, and what runs flows on it.

    With psycopg if it is installed, else with asyncpg: imported here, since this
    module must not require either to be there.
    """
    try:
        import psycopg  # noqa: PLC0415
    except ImportError:
        return _asyncpgs_door(conninfo, options)
    from moorline.drivers.psycopg import DIALECT, Psycopg  # noqa: PLC0415

    plan, state, request = _resolved(conninfo, options, DIALECT)
    connect = psycopg.Connection.connect
    driver = Psycopg(connect, plan.conninfo, plan.drivers(options))
    return state, request, partial(sync.run, driver=driver)


def _asyncpgs_door(conninfo: str, options: Mapping[str, Value]) -> Door:
    from moorline.drivers.asyncpg import DIALECT, Asyncpg  # noqa: PLC0415
    from moorline.shell import aio  # noqa: PLC0415 - asyncio is slow to import

    plan, state, request = _resolved(conninfo, options, DIALECT)
    driver = Asyncpg(plan.conninfo, plan.drivers(options))
    return state, request, partial(aio.run_blocking, driver=driver)


def _resolved(
    conninfo: str, options: Mapping[str, Value], dialect: Dialect
) -> tuple[Plan, ClusterState, Request]:
    plan = resolve(conninfo, options, dialect, otherwise=BALANCED)
    if plan is None or plan.cluster is None:
        message = "a Cluster balances: leave load_balance=false out"
        raise dialect.config_error(message)
    return plan, *plan.cluster
