"""Options for a sender, one method for each key.

What reads them, and the senders, are imported when they are needed.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import PurePath
    from typing import Self

    from moorline.core.options import Value
    from moorline.questdb.async_sender import AsyncSender
    from moorline.questdb.sender import Sender
    from moorline.questdb.settings import Settings

__all__ = ["SenderBuilder"]

Switch: TypeAlias = "bool | str"


class SenderBuilder:
    """Collects the options of a sender; each method returns the builder itself.

    What the options are is told in the documentation, "Options of moorline.questdb".
    They are looked at by `settings`. An option that is given again replaces the former.

    Args:
        protocol: ``http``, ``https``, ``tcp`` or ``tcps``.
        host: The server's name or address.
        port: Its port; `None`: 9000 for HTTP, 9009 for TCP.
        options: Options by name, as the methods set them.
    """

    def __init__(
        self,
        protocol: str,
        host: str,
        port: int | str | None = None,
        **options: Value,
    ) -> None:
        self._said: dict[str, Value] = {"addr": _written(host, port), **options}
        self._read: Callable[..., Settings] = partial(_read, protocol)

    @classmethod
    def from_conf(cls, text: str) -> Self:
        """Begin with a configuration string, which the methods then overrule."""
        from moorline.questdb.settings import settings_from_conf

        return cls._reading(partial(settings_from_conf, text))

    @classmethod
    def from_env(cls) -> Self:
        """Begin with the configuration string in ``QDB_CLIENT_CONF``."""
        from moorline.questdb.settings import settings_from_env

        return cls._reading(settings_from_env)

    @classmethod
    def _reading(cls, read: Callable[..., Settings]) -> Self:
        builder = cls("", "")
        builder._said, builder._read = {}, read
        return builder

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._said)})"

    def settings(self) -> Settings:
        """Return what the options decide.

        Raises:
            ConfigError: One is wrong, or they contradict each other.
        """
        return self._read(**self._said)

    def build(self) -> Sender:
        """Return a sender for blocking callers; files are read and checked.

        Raises:
            ConfigError: As for `settings`, or a file of TLS is missing or wrong.
        """
        from moorline.questdb.sender import Sender

        return Sender(self.settings())

    def build_async(self) -> AsyncSender:
        """Return a sender for asyncio; as `build`."""
        # Programs without asyncio do not wait until that is imported.
        from moorline.questdb.async_sender import AsyncSender

        return AsyncSender(self.settings())

    def _set(self, name: str, value: Value) -> Self:
        self._said[name] = value
        return self

    def addr(self, address: str) -> Self:
        """Add another server, as ``host:port``, to try when one fails; for HTTP."""
        before = self._said.get("addr")
        return self._set("addr", f"{before},{address}" if before else address)

    def username(self, value: str) -> Self:
        """Log in as this user; for TCP the id of the key."""
        return self._set("username", value)

    def password(self, value: str) -> Self:
        """Log in with this password, over HTTP."""
        return self._set("password", value)

    def token(self, value: str | Callable[[], object]) -> Self:
        """Log in with this token, or with what the function returns."""
        return self._set("token", value)

    def token_x(self, value: str) -> Self:
        """Give `x` of the key's JWK, for TCP."""
        return self._set("token_x", value)

    def token_y(self, value: str) -> Self:
        """Give `y` of the key's JWK, for TCP."""
        return self._set("token_y", value)

    def tls_ca(self, value: str) -> Self:
        """Say who may vouch for the server."""
        return self._set("tls_ca", value)

    def tls_roots(self, value: str | PurePath) -> Self:
        """Trust the certificates in this file, and nobody else."""
        return self._set("tls_roots", value)

    def tls_roots_password(self, value: str) -> Self:
        """Take a password that other clients need; it has no effect."""
        return self._set("tls_roots_password", value)

    def tls_verify(self, value: Switch) -> Self:
        """Verify the server, ``on``, or not, ``unsafe_off``."""
        return self._set("tls_verify", value)

    def tls_client_cert(self, value: str | PurePath) -> Self:
        """Present the certificate in this file."""
        return self._set("tls_client_cert", value)

    def tls_client_key(self, value: str | PurePath) -> Self:
        """Name the file of its private key."""
        return self._set("tls_client_key", value)

    def tls_min_version(self, value: str) -> Self:
        """Speak no version of TLS older than this."""
        return self._set("tls_min_version", value)

    def allow_insecure_tls(self, value: Switch) -> Self:
        """Let `tls_verify` be ``unsafe_off``."""
        return self._set("allow_insecure_tls", value)

    def auto_flush(self, value: Switch) -> Self:
        """Send rows without being told to, or not."""
        return self._set("auto_flush", value)

    def auto_flush_rows(self, value: int | str) -> Self:
        """Send them after so many; or ``off``."""
        return self._set("auto_flush_rows", value)

    def auto_flush_interval(self, value: int | str | timedelta) -> Self:
        """Send them after so many milliseconds; or ``off``."""
        return self._set("auto_flush_interval", value)

    def auto_flush_bytes(self, value: int | str) -> Self:
        """Send them after so many bytes; or ``off``."""
        return self._set("auto_flush_bytes", value)

    def init_buf_size(self, value: int | str) -> Self:
        """Give the buffer room for so many bytes at first."""
        return self._set("init_buf_size", value)

    def max_buf_size(self, value: int | str) -> Self:
        """Let the buffer grow to so many bytes."""
        return self._set("max_buf_size", value)

    def max_name_len(self, value: int | str) -> Self:
        """Let names have so many bytes."""
        return self._set("max_name_len", value)

    def protocol_version(self, value: int | str) -> Self:
        """Write this version of ILP, or ``auto``."""
        return self._set("protocol_version", value)

    def request_timeout(self, value: int | str | timedelta) -> Self:
        """Let one request take so many milliseconds."""
        return self._set("request_timeout", value)

    def request_min_throughput(self, value: int | str) -> Self:
        """Let it take longer: so many bytes a second."""
        return self._set("request_min_throughput", value)

    def retry_timeout(self, value: int | str | timedelta) -> Self:
        """Try a failed request again for so many milliseconds."""
        return self._set("retry_timeout", value)

    def retry_max_backoff_millis(self, value: int | str | timedelta) -> Self:
        """Wait so many milliseconds between two tries at most."""
        return self._set("retry_max_backoff_millis", value)

    def auth_timeout(self, value: int | str | timedelta) -> Self:
        """Let TLS and logging in take so many milliseconds, for TCP."""
        return self._set("auth_timeout", value)

    def bind_interface(self, value: str) -> Self:
        """Connect from this local address, for TCP."""
        return self._set("bind_interface", value)

    def gzip(self, value: Switch) -> Self:
        """Compress requests, or not."""
        return self._set("gzip", value)

    def strict(self, value: Switch) -> Self:
        """Refuse values that the server would change silently, or not."""
        return self._set("strict", value)

    def spool_dir(self, value: str | PurePath) -> Self:
        """Keep what is not acknowledged yet in this folder."""
        return self._set("spool_dir", value)


def _read(protocol: str, **said: Value) -> Settings:
    from moorline.questdb.settings import settings_of

    return settings_of(protocol, said)


def _written(host: str, port: int | str | None) -> str:
    written = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return written if port is None else f"{written}:{port}"
