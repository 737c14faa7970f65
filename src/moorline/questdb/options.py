"""The options of `moorline.questdb`: the keys of QuestDB's clients, and our own.

Source: QuestDB's documentation, "Client configuration string", for ILP over HTTP and
TCP. Names, ranges and defaults are those of its clients, so that a configuration string
can be shared with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.core.options import Option, Table
from moorline.questdb.reading import (
    endpoints,
    millis,
    one_of,
    or_off,
    path,
    secret_text,
    size,
    switch,
    text,
    token,
    whole,
)

if TYPE_CHECKING:
    from moorline.core.address import Address

__all__ = ["HTTP_ONLY", "SECRETS", "SPELLINGS", "TABLE", "TCP_ONLY", "TLS_ONLY"]

ADDR: Option[tuple[Address, ...]] = Option(
    "addr",
    "",
    default=(),
    help="Where the server is: `host`, `host:port` or `[IPv6]:port`; the port is 9000 "
    "for HTTP, 9009 for TCP unless given. For HTTP several, separated by commas or by "
    "repeating the key: they are tried in turn.",
    parse=endpoints,
)
USERNAME = Option(
    "username",
    "",
    default="",
    help="The user; for TCP the id of the key.",
    parse=text,
    aliases=("user",),
)
PASSWORD = Option(
    "password",
    "",
    default=None,
    help="The user's password, for HTTP.",
    parse=secret_text,
    aliases=("pass",),
    secret=True,
)
TOKEN = Option(
    "token",
    "",
    default=None,
    help="For HTTP the bearer token, or, as a keyword argument, a function that "
    "returns it. For TCP the private key, `d` of its JWK.",
    parse=token,
    secret=True,
)
TOKEN_X = Option(
    "token_x",
    "",
    default=None,
    help="For TCP: `x` of the key's JWK. Not needed; checked if given, together with "
    "`token_y`.",
    parse=secret_text,
    secret=True,
)
TOKEN_Y = Option(
    "token_y",
    "",
    default=None,
    help="For TCP: `y` of the key's JWK.",
    parse=secret_text,
    secret=True,
)
TLS_CA = Option(
    "tls_ca",
    "",
    default="webpki_and_os_roots",
    help="Who may vouch for the server: `webpki_roots` (Mozilla's list, from certifi), "
    "`os_roots` (this machine's), `webpki_and_os_roots`, or `pem_file` (nobody but the "
    "certificates in `tls_roots`).",
    parse=one_of("webpki_roots", "os_roots", "webpki_and_os_roots", "pem_file"),
)
TLS_ROOTS = Option(
    "tls_roots",
    "",
    default="",
    help="A file of certificates to trust, in PEM, or one in DER. It alone means "
    "`tls_ca=pem_file`. It is read again when it was changed.",
    parse=path,
)
TLS_ROOTS_PASSWORD = Option(
    "tls_roots_password",
    "",
    default=None,
    help="Taken for the sake of other clients, and without effect: certificates in PEM "
    "and DER have none.",
    parse=secret_text,
    secret=True,
)
TLS_VERIFY = Option(
    "tls_verify",
    "",
    default="on",
    help="`on`, or `unsafe_off`: whoever answers is taken for the server, and gets the "
    "password. It needs `allow_insecure_tls`.",
    parse=one_of("on", "unsafe_off", also={"True": "on", "False": "unsafe_off"}),
)
TLS_CLIENT_CERT = Option(
    "tls_client_cert",
    "",
    default="",
    help="The client's own certificate in PEM, with its chain, for servers that ask "
    "for one.",
    parse=path,
)
TLS_CLIENT_KEY = Option(
    "tls_client_key",
    "",
    default="",
    help="The private key of `tls_client_cert` in PEM, not encrypted. Left out if it "
    "is in the same file.",
    parse=path,
)
TLS_MIN_VERSION = Option(
    "tls_min_version",
    "",
    default="1.2",
    help="The oldest version of TLS to be spoken: `1.2` or `1.3`.",
    parse=one_of("1.2", "1.3"),
)
ALLOW_INSECURE_TLS = Option(
    "allow_insecure_tls",
    "MOORLINE_ALLOW_INSECURE_TLS",
    default=False,
    help="Let `tls_verify` be `unsafe_off`, with a warning at each connection: `on` or "
    "`off`.",
    parse=switch,
)
AUTO_FLUSH = Option(
    "auto_flush",
    "",
    default=True,
    help="Send rows without being told to: `on` or `off`.",
    parse=switch,
)
AUTO_FLUSH_ROWS = Option(
    "auto_flush_rows",
    "",
    default=None,
    help="After so many rows, or `off`. 75000 for HTTP, 600 for TCP.",
    parse=or_off(whole(1)),
)
AUTO_FLUSH_INTERVAL: Option[float | None] = Option(
    "auto_flush_interval",
    "",
    default=1000,
    help="After so many milliseconds, whether rows come or not, or `off`.",
    parse=or_off(millis(1)),
)
AUTO_FLUSH_BYTES = Option(
    "auto_flush_bytes",
    "",
    default=None,
    help="After so many bytes, or `off`.",
    parse=or_off(size(1)),
)
INIT_BUF_SIZE = Option(
    "init_buf_size",
    "",
    default=65_536,
    help="Bytes that the buffer has room for at first: at least 1024. `k`, `m` and `g` "
    "may follow the number, here and wherever bytes are counted.",
    parse=size(1024),
)
MAX_BUF_SIZE = Option(
    "max_buf_size",
    "",
    default=104_857_600,
    help="Bytes that the buffer may grow to: at least 1024.",
    parse=size(1024),
)
MAX_NAME_LEN = Option(
    "max_name_len",
    "",
    default=127,
    help="Bytes that the name of a table or column may have: at least 16. For HTTP the "
    "server's own limit counts, if it tells.",
    parse=whole(16),
)
PROTOCOL_VERSION = Option(
    "protocol_version",
    "",
    default="auto",
    help="The version of ILP: `auto`, `1`, `2` or `3`. `auto` asks the server for HTTP "
    "and is 1 for TCP.",
    parse=one_of("auto", "1", "2", "3"),
)
REQUEST_TIMEOUT: Option[float] = Option(
    "request_timeout",
    "",
    default=10_000,
    help="Milliseconds that one request may take, beside what `request_min_throughput` "
    "allows for its length.",
    parse=millis(1),
)
REQUEST_MIN_THROUGHPUT = Option(
    "request_min_throughput",
    "",
    default=102_400,
    help="Bytes a second: so much longer may a long request take. 0: none.",
    parse=size(0),
)
RETRY_TIMEOUT: Option[float] = Option(
    "retry_timeout",
    "",
    default=10_000,
    help="Milliseconds for which a request that failed is tried again. 0: never.",
    parse=millis(0),
)
RETRY_MAX_BACKOFF: Option[float] = Option(
    "retry_max_backoff_millis",
    "",
    default=1000,
    help="Milliseconds between two tries at most: at least 10.",
    parse=millis(10),
)
AUTH_TIMEOUT: Option[float] = Option(
    "auth_timeout",
    "",
    default=15_000,
    help="Milliseconds for opening a connection by TCP, with TLS and logging in, and "
    "again until it succeeds; and for each 64 KiB of rows.",
    parse=millis(1),
)
BIND_INTERFACE = Option(
    "bind_interface",
    "",
    default="",
    help="The local address to connect from, for TCP.",
    parse=text,
)
GZIP = Option(
    "gzip",
    "",
    default=False,
    help="Compress requests, for HTTP and servers from 9.1 on: `on` or `off`.",
    parse=switch,
)
STRICT = Option(
    "strict",
    "",
    default=False,
    help="Refuse values that the server would change silently: `on` or `off`.",
    parse=switch,
)
SPOOL_DIR = Option(
    "spool_dir",
    "",
    default="",
    help="A folder for what was flushed and is not acknowledged yet, so that it "
    "outlives the process, for HTTP.",
    parse=path,
    aliases=("sf_dir",),
)
TABLE = Table(
    ADDR,
    USERNAME,
    PASSWORD,
    TOKEN,
    TOKEN_X,
    TOKEN_Y,
    TLS_CA,
    TLS_ROOTS,
    TLS_ROOTS_PASSWORD,
    TLS_VERIFY,
    TLS_CLIENT_CERT,
    TLS_CLIENT_KEY,
    TLS_MIN_VERSION,
    ALLOW_INSECURE_TLS,
    AUTO_FLUSH,
    AUTO_FLUSH_ROWS,
    AUTO_FLUSH_INTERVAL,
    AUTO_FLUSH_BYTES,
    INIT_BUF_SIZE,
    MAX_BUF_SIZE,
    MAX_NAME_LEN,
    PROTOCOL_VERSION,
    REQUEST_TIMEOUT,
    REQUEST_MIN_THROUGHPUT,
    RETRY_TIMEOUT,
    RETRY_MAX_BACKOFF,
    AUTH_TIMEOUT,
    BIND_INTERFACE,
    GZIP,
    STRICT,
    SPOOL_DIR,
)
# Unlike our other products' options, QuestDB's keys are told by their exact spelling.
SPELLINGS = {name: one for one in TABLE for name in (one.name, *one.aliases)}
SECRETS = frozenset(name for name, option in SPELLINGS.items() if option.secret)
HTTP_ONLY = frozenset(
    option.name
    for option in (
        PASSWORD,
        REQUEST_TIMEOUT,
        REQUEST_MIN_THROUGHPUT,
        RETRY_TIMEOUT,
        RETRY_MAX_BACKOFF,
        GZIP,
        SPOOL_DIR,  # TCP acknowledges nothing
    )
)
TCP_ONLY = frozenset(
    option.name for option in (TOKEN_X, TOKEN_Y, AUTH_TIMEOUT, BIND_INTERFACE)
)
TLS_ONLY = frozenset(name for name in TABLE.names if name.startswith("tls_"))
