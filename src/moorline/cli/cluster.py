"""``topology`` and ``explain``: what moorline knows of the user's own cluster.

Loads and failures are those of a process, and this one has just started: so the
columns that would always say 0 and "up" are left out, and each node is asked instead.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from moorline.cli.failure import Failure
from moorline.cli.probe import probe
from moorline.cli.render import console
from moorline.errors import MoorlineError
from moorline.yugabyte import Cluster
from moorline.yugabyte.view import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from moorline.cli.probe import Answer
    from moorline.yugabyte import ClusterTopology, Explanation, NodeView

__all__ = ["explain", "topology", "watch"]


def topology(conninfo: str, *, as_json: bool) -> int:
    """Show the nodes once."""
    known = _cluster(conninfo).topology()
    _require_nodes(known.nodes)
    answers = probe(known.nodes)
    if as_json:
        click.echo(json.dumps(_topology_json(known, answers), indent=2))
    else:
        out = console()
        _print(out, _topology_view(out, known, answers))
    return 0


def watch(conninfo: str, interval: float, *, as_json: bool) -> int:
    """Show the nodes until Ctrl-C, which is no failure: 0 is returned.

    Only the first look may fail; later ones show what went wrong.
    """
    cluster, out = _cluster(conninfo), console()
    _require_nodes(cluster.topology().nodes)
    try:
        if as_json or not out.is_terminal:
            while True:
                known, answers, error = _look(cluster)
                if as_json:
                    document = _topology_json(known, answers) | {"error": error}
                    click.echo(json.dumps(document))
                else:
                    _print(out, _watch_view(out, known, answers, error))
                    out.print()
                time.sleep(interval)
        with Live(console=out, auto_refresh=False) as live:
            while True:
                live.update(_watch_view(out, *_look(cluster)), refresh=True)
                time.sleep(interval)
    except KeyboardInterrupt:
        return 0


def explain(conninfo: str, *, as_json: bool) -> int:
    """Say where the next connection goes, and why."""
    known = _cluster(conninfo).explain()
    _require_nodes(known.nodes)
    answers = probe(known.nodes)
    if as_json:
        click.echo(json.dumps(_explanation_json(known, answers), indent=2))
    else:
        out = console()
        _print(out, _explanation_view(out, known, answers))
    return 0


def _cluster(conninfo: str) -> Cluster:
    """Return the handle. What it would log comes as an error too, and is shown."""
    logging.getLogger("moorline.yugabyte").addFilter(lambda _: False)
    return Cluster(conninfo)


def _require_nodes(nodes: Sequence[object]) -> None:
    if not nodes:
        raise Failure(
            "the server lists no nodes with yb_servers(), so it is no YugabyteDB: "
            "there is nothing to spread connections over"
        )


def _look(cluster: Cluster) -> tuple[ClusterTopology, list[Answer], str]:
    """Read the list of nodes again; with the reason if the last one is shown."""
    error = ""
    try:
        cluster.refresh()
    except MoorlineError as failed:
        error = str(failed)
    known = cluster.topology()
    return known, probe(known.nodes), error


def _topology_json(known: ClusterTopology, answers: list[Answer]) -> dict[str, object]:
    return {
        "universe": known.universe,
        "age": round(known.age, 3),
        "nodes": [
            {**_node_json(node, answer), "role": node.role}
            for node, answer in zip(known.nodes, answers, strict=True)
        ],
    }


def _explanation_json(known: Explanation, answers: list[Answer]) -> dict[str, object]:
    return {
        "options": known.options,
        "picker": known.picker,
        "hint": known.hint,
        "nodes": [
            {
                **_node_json(node, answer),
                "tier": node.tier,
                "candidate": not node.excluded,
                "excluded": node.excluded,
            }
            for node, answer in zip(known.nodes, answers, strict=True)
        ],
    }


def _node_json(node: NodeView, answer: Answer) -> dict[str, object]:
    return {
        "host": node.host,
        "port": node.port,
        "placement": node.placement,
        "answers": not answer.reason,
        "reason": answer.reason,
        "seconds": round(answer.seconds, 4),
    }


def _topology_view(
    out: Console, known: ClusterTopology, answers: list[Answer]
) -> RenderableType:
    rows: list[list[str | Text]] = [
        [f"{node.host}:{node.port}", node.placement, node.role, _coloured(answer)]
        for node, answer in zip(known.nodes, answers, strict=True)
    ]
    return _table(out, ("node", "placement", "role", "answers"), rows)


def _watch_view(
    out: Console, known: ClusterTopology, answers: list[Answer], error: str
) -> RenderableType:
    listed = f"{time.strftime('%H:%M:%S')}, listed {known.age:.1f} s ago"
    lines = [Text(listed, "dim"), _topology_view(out, known, answers)]
    return Group(*lines, *([Text(error, "red")] if error else []))


def _explanation_view(
    out: Console, known: Explanation, answers: list[Answer]
) -> RenderableType:
    rows: list[list[str | Text]] = [
        [
            f"{node.host}:{node.port}",
            node.placement,
            node.tier.partition(":")[0] or "-",  # the placements stand beside it
            _coloured(answer),
            Text(f"no: {node.excluded}", "dim")
            if node.excluded
            else Text("candidate", "bold"),
        ]
        for node, answer in zip(known.nodes, answers, strict=True)
    ]
    header = ("node", "placement", "tier", "answers", "next connection")
    return Group(
        Text(f"decided by         {known.options}"),
        Text(f"among candidates   {known.picker}"),
        _table(out, header, rows),
        *([Text(known.hint, "yellow")] if known.hint else []),
    )


def _coloured(answer: Answer) -> Text:
    return Text(str(answer), "red" if answer.reason else "green")


def _table(
    out: Console, header: Sequence[str], rows: Sequence[Sequence[str | Text]]
) -> RenderableType:
    """Lay out columns; for programs that read them, one line for each row."""
    if not out.is_terminal:
        return Text(table(header, [[str(cell) for cell in row] for row in rows]))
    view = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in header:
        # Only the last column holds sentences.
        view.add_column(title, overflow="fold", no_wrap=title != header[-1])
    for row in rows:
        view.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return view


def _print(out: Console, view: RenderableType) -> None:
    out.print(view, soft_wrap=not out.is_terminal)
