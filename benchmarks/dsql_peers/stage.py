"""What the measures are taken on: a cluster's stand-in, and workers that reach it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from benchmarks.peers.client import Worker
from benchmarks.peers.environments import python_of
from moorline.lab import DsqlLab

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.harness import Run
    from moorline.lab import Templates
    from moorline.lab.dsql_options import DsqlOptionsDict

__all__ = ["Stage", "to", "without_keys"]

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True)
class Stage:
    """How much is to be measured, of which clients, and where servers come from."""

    run: Run
    clients: tuple[str, ...]
    templates: Templates

    def lab(self, **options: Unpack[DsqlOptionsDict]) -> DsqlLab:
        """Return a cluster's stand-in, to be opened."""
        return DsqlLab(templates=self.templates, **options)

    @contextmanager
    def worker(
        self, client: str, lab: DsqlLab, environment: Mapping[str, str] | None = None
    ) -> Iterator[Worker]:
        """Start a process that has a client, the lab's credentials and its names."""
        command = [str(python_of(client)), "-m", "benchmarks.dsql_peers.worker", client]
        chosen = lab.environment() if environment is None else environment
        with Worker(command, chosen) as worker:
            worker.ask("resolve", names=[lab.endpoint], address=lab.host)
            yield worker

    def versions(self, client: str) -> dict[str, str]:
        """Tell what runs in a client's environment."""
        command = [str(python_of(client)), "-m", "benchmarks.dsql_peers.worker", client]
        with Worker(command) as worker:
            versions: dict[str, str] = worker.ask("versions")
        return versions


def to(lab: DsqlLab, **more: object) -> dict[str, Any]:
    """Return where a worker is to connect, and whom to trust."""
    place = {"host": lab.endpoint, "port": lab.port, "user": "admin"}
    return {**place, "ca_file": lab.ca_file, **more}


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which there are no credentials."""
    return {name: value for name, value in environment.items() if name not in KEYS}
