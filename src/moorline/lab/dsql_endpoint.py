"""Hand out credentials over HTTP, as the agent of a container does.

The format is that of Amazon ECS; AWS's libraries take the address from the variable
AWS_CONTAINER_CREDENTIALS_FULL_URI, which may be plain http to a loopback address.
"""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC
from typing import TYPE_CHECKING, Self

from moorline.lab.dsql_listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moorline.lab.dsql_channel import Channel
    from moorline.lab.dsql_keys import Credentials
    from moorline.lab.loop import LoopThread

__all__ = ["CredentialsEndpoint"]

_PATH = "/credentials"
_LONGEST = 64 * 1024  # bytes of a request


class CredentialsEndpoint:
    """Answer each request with new credentials, which the lab knows.

    Made by `DsqlLab.credentials_endpoint`. Thread-safe; ``delay`` and ``lifetime``
    may be changed at any time.

    Attributes:
        delay: Seconds until a request is answered.
        lifetime: Seconds until the credentials that are handed out expire; tokens
            that were signed with them are refused from then on.
    """

    def __init__(
        self,
        thread: LoopThread,
        host: str,
        make: Callable[[float], Credentials],
        surroundings: Mapping[str, str],
        *,
        delay: float,
        lifetime: float,
    ) -> None:
        self.delay = delay
        self.lifetime = lifetime
        self._make = make
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._requests = 0
        self._failures: list[int] = []
        self._issued: list[Credentials] = []
        self._listener = Listener(thread, host, 0, self._serve)
        self._closed = False

    @property
    def url(self) -> str:
        """Its address."""
        host, port, *_ = self._listener.address
        place = f"[{host}]" if ":" in str(host) else host
        return f"http://{place}:{port}{_PATH}"

    def environment(self) -> dict[str, str]:
        """Return variables that let AWS's libraries find it, and nothing else.

        Variables with credentials, such as AWS_ACCESS_KEY_ID, win over these.
        """
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url, **self._surroundings}

    @property
    def requests(self) -> int:
        """How many requests came so far, failed and unanswered ones included."""
        return self._requests

    @property
    def issued(self) -> tuple[Credentials, ...]:
        """What was handed out, oldest first."""
        with self._lock:
            return tuple(self._issued)

    def fail(self, *, times: int = 1, status: int = 500) -> None:
        """Answer the next requests with an HTTP error. AWS's libraries repeat some."""
        with self._lock:
            self._failures += [status] * times

    def close(self) -> None:
        """Stop listening. Again is no error."""
        if not self._closed:
            self._closed = True
            self._listener.close()

    def __enter__(self) -> Self:
        """Do nothing more than was done already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # What follows runs in the loop.

    async def _serve(self, client: Channel) -> None:
        request = b""
        while b"\r\n\r\n" not in request and len(request) < _LONGEST:
            more = await client.read()
            if not more:
                return
            request += more
        self._requests += 1
        await asyncio.sleep(self.delay)
        status, answer = self._answer(request.split(b" ", 2)[1:2])
        body = json.dumps(answer).encode()
        head = (
            f"HTTP/1.1 {status} Lab\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        await client.write(head.encode() + body)
        await client.finish()

    def _answer(self, path: list[bytes]) -> tuple[int, dict[str, str]]:
        with self._lock:
            if self._failures:
                return self._failures.pop(0), {"code": "Lab", "message": "as told"}
            if path != [_PATH.encode()]:
                return 404, {"code": "NotFound", "message": f"ask for {_PATH}"}
            made = self._make(self.lifetime)
            self._issued.append(made)
        expires = made.expires.astimezone(UTC) if made.expires else None
        return 200, {
            "AccessKeyId": made.access_key,
            "SecretAccessKey": made.secret_key,
            "Token": made.session_token or "",
            "Expiration": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        }
