"""Hold together what a stand-in for Aurora DSQL consists of while it is open."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from moorline.lab.dsql_backend import Backend
from moorline.lab.dsql_endpoint import CredentialsEndpoint
from moorline.lab.dsql_faults import Faults
from moorline.lab.dsql_front import Front
from moorline.lab.dsql_login import Reception
from moorline.lab.loop import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moorline.lab.dsql_armed import Armed
    from moorline.lab.dsql_identity import Identity
    from moorline.lab.dsql_keys import Credentials, Keyring
    from moorline.lab.dsql_options import DsqlOptions
    from moorline.lab.dsql_records import Records

__all__ = ["Running"]


class Running:
    """The server, the front before it, and the loop in which that runs.

    Raises LabError or OSError if it cannot be started, and leaves nothing then.
    """

    def __init__(
        self,
        options: DsqlOptions,
        identity: Identity,
        keyring: Keyring,
        armed: Armed,
        records: Records,
    ) -> None:
        self._records = records
        self._endpoints: list[CredentialsEndpoint] = []
        with contextlib.ExitStack() as undo:
            self.backend = Backend(options, identity.certified)
            undo.callback(self.backend.close)
            self._thread = LoopThread("DSQL lab")
            undo.callback(self._thread.stop)
            reception = Reception(
                identity, keyring, armed, records, self.backend.context()
            )
            self.front = Front(
                self._thread,
                options.host,
                options.port,
                self.backend.socket,
                reception,
            )
            undo.callback(self.front.close)
            undo.callback(self._close_endpoints)
            self._undo = undo.pop_all()
        self.faults = Faults(armed, self.front)

    def close(self) -> None:
        """End everything; in a child of ``os.fork`` nothing."""
        if self._thread.alive:
            self._undo.close()

    def end_sessions(self) -> None:
        """Undo the faults, and end what clients and tests began; wait for that.

        Raises AssertionError if some sessions do not end.
        """
        self.faults.reset()
        self.front.kill(0.0, idle=False)
        if not self._records.wait(lambda: not self.front.sessions, 5.0):
            raise AssertionError(f"{self.front.sessions} sessions do not end")
        self.backend.end_sessions()
        self._close_endpoints()

    def open_endpoint(
        self,
        make: Callable[[float], Credentials],
        surroundings: Mapping[str, str],
        *,
        delay: float,
        lifetime: float,
    ) -> CredentialsEndpoint:
        """Return a new endpoint of credentials, beside the front."""
        host = str(self.front.address[0])
        endpoint = CredentialsEndpoint(
            self._thread, host, make, surroundings, delay=delay, lifetime=lifetime
        )
        self._endpoints.append(endpoint)
        return endpoint

    def _close_endpoints(self) -> None:
        while self._endpoints:
            self._endpoints.pop().close()
