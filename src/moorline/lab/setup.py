"""Build a lab from its options: directory, template, copies, running servers."""

from __future__ import annotations

import signal
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorline.lab import addresses, binaries, logs, template, tls, topology
from moorline.lab.errors import LabError
from moorline.lab.server import Node, PortTakenError, Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from moorline.lab.binaries import Binaries
    from moorline.lab.custody import Custody
    from moorline.lab.options import Options
    from moorline.lab.topology import Row

__all__ = ["Cluster", "build", "row"]

_PORT_TRIES = 5

# Quick and small rather than durable: the data ends with the lab.
_SETTINGS: Mapping[str, str | int] = {
    # Segments of a killed server would stay in /dev/shm with any other type.
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "16MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "max_logical_replication_workers": 0,
    "autovacuum": "off",
    "jit": "off",
}


@dataclass(slots=True)
class Cluster:
    """A lab that runs: what `build` made."""

    binaries: Binaries
    directory: Path
    servers: tuple[Server, ...]
    universe_uuid: str
    rows: list[Row]


def build(options: Options, custody: Custody) -> Cluster:
    """Make everything and start the nodes; processes and files are the custody's."""
    found = binaries.find(options.binaries, tls=options.tls)
    where = tuple(options.addresses or addresses.default_addresses(options.count))
    if options.port is not None and (reason := addresses.taken(where, options.port)):
        raise LabError(f"port {options.port} was asked for, but {reason}")
    directory = custody.mkdir()
    copies = [directory / f"node{number}" for number in range(1, options.count + 1)]
    programs = _copy_template(options, found, custody, copies)
    _write_hba(directory, options)
    if options.tls:
        tls.issue(directory, _certificates(options, where), custody.account)
    cluster = Cluster(
        binaries=found,
        directory=directory,
        servers=(),
        universe_uuid=options.universe_uuid or str(uuid.uuid4()),
        rows=[],
    )
    _start(cluster, options, custody, programs, where)
    return cluster


def _copy_template(
    options: Options, found: Binaries, custody: Custody, copies: list[Path]
) -> Path:
    """Make the nodes' data directories; return the directory of programs to run."""
    shape = template.Shape(found, options.columns, options.password)
    if options.templates is not None:
        original = options.templates.get(shape)
        template.copy(custody, original.data, copies)
    else:
        original = template.build(custody, shape, copies[0].parent)
        template.copy(custody, original.data, copies[1:])
        original.data.rename(copies[0])
    return original.programs


def _certificates(options: Options, where: tuple[str, ...]) -> Iterator[tls.Wanted]:
    for index, address in enumerate(where):
        names = options.certificates.get(index, (_name(index), address))
        expired = index in options.expired_certificates
        yield tls.Wanted(_name(index), tuple(names), expired)


def _name(index: int) -> str:
    return f"node{index + 1}.lab"


def row(cluster: Cluster, node: Node) -> Row:
    """Return what a healthy cluster says of a node."""
    cloud, region, zone = node.placement.split(".")
    return {
        "host": node.host,
        "port": node.port,
        "num_connections": 0,
        "node_type": node.node_type,
        "cloud": cloud,
        "region": region,
        "zone": zone,
        "public_ip": "",
        "uuid": node.uuid,
        "universe_uuid": cluster.universe_uuid,
    }


def _start(
    cluster: Cluster,
    options: Options,
    custody: Custody,
    programs: Path,
    where: tuple[str, ...],
) -> None:
    """Start all nodes; on another port if somebody was faster on the chosen one."""
    uuids = [str(uuid.uuid4()) for _ in where]
    for attempt in range(1, _PORT_TRIES + 1):
        base = options.port or addresses.free_base(where, options.prefer_port)
        nodes = _nodes(cluster, options, addresses.endpoints(where, base), uuids)
        cluster.rows = topology.write(
            cluster.directory, [row(cluster, node) for node in nodes]
        )
        cluster.servers = tuple(
            _server(cluster, node, options, custody, programs) for node in nodes
        )
        try:
            _launch(cluster.servers)
        except PortTakenError:
            if options.port is not None or attempt == _PORT_TRIES:
                raise
        else:
            return


def _nodes(
    cluster: Cluster,
    options: Options,
    endpoints: Iterable[addresses.Endpoint],
    uuids: Iterable[str],
) -> list[Node]:
    described = zip(endpoints, options.places, options.types, uuids, strict=True)
    return [
        Node(
            index=index,
            name=_name(index),
            host=host,
            port=port,
            placement=placement,
            node_type=node_type,
            uuid=identity,
            socket_dir=str(cluster.directory / f"node{index + 1}"),
        )
        for index, ((host, port), placement, node_type, identity) in enumerate(
            described
        )
    ]


def _launch(servers: Iterable[Server]) -> None:
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.await_ready()
    except LabError:
        for server in servers:
            server.stop(signal.SIGKILL)
        raise


def _server(
    cluster: Cluster,
    node: Node,
    options: Options,
    custody: Custody,
    programs: Path,
) -> Server:
    data = cluster.directory / f"node{node.index + 1}"
    settings: dict[str, str | int | bool] = {**_SETTINGS, **logs.SETTINGS}
    settings |= {
        "listen_addresses": node.host,
        # In one common directory equal ports would collide.
        "unix_socket_directories": f'"{node.socket_dir}"',
        "port": node.port,
        "max_connections": options.max_connections + 1,  # the lab's own session
        "hba_file": str(cluster.directory / "pg_hba.conf"),
    }
    if cluster.binaries.major >= 18:  # noqa: PLR2004 - the version that has it
        settings["io_method"] = "sync"  # spares three processes a node
    if options.tls:
        settings |= {
            "ssl": "on",
            "ssl_cert_file": str(tls.certificate(cluster.directory, node.name)),
            "ssl_key_file": str(tls.key(cluster.directory, node.name)),
        }
    argv: list[str | Path] = [programs / "postgres", "-D", data]
    for name, value in (settings | dict(options.settings)).items():
        said = str(value).lower() if isinstance(value, bool) else value
        argv += ["-c", f"{name}={said}"]
    return Server(node, custody, data, argv)


def _write_hba(directory: Path, options: Options) -> None:
    """Write who may log in: this machine only, the lab itself by Unix socket only.

    The sockets lie in the data directories, which no other user may enter.
    """
    kind = "hostssl" if options.tls else "host"
    method = "scram-sha-256" if options.password else "trust"
    lines = [f"local all {template.ADMIN} trust", f"local all all {method}"]
    local = ("127.0.0.0/8", "::1/128", "samehost")
    lines += [f"{kind} all all {net} {method}" for net in local]
    file = directory / "pg_hba.conf"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file.chmod(0o644)
