"""The options of `moorline.dsql`, beside those of the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorline.core.options import Option, Table, boolean

if TYPE_CHECKING:
    from moorline.core.options import Given

__all__ = [
    "ALLOW_INSECURE_TLS",
    "CLUSTER_ID",
    "CREDENTIALS_PROVIDER",
    "ORM_PREFIX",
    "PROFILE",
    "REGION",
    "TABLE",
    "TOKEN_DURATION",
]

LONGEST_TOKEN = 604_800  # seconds; the service refuses more


def _text(given: Given) -> str:
    text = str(given.value).strip()
    if not text:
        raise given.error("it is empty; leave it out")
    return text


def _prefix(given: Given) -> str:
    return str(given.value).strip()


def _duration(given: Given) -> int:
    text = str(given.value).strip()
    # Python refuses to convert thousands of digits.
    if text.isascii() and text.isdigit() and len(text) < len("1000000"):
        seconds = int(text)
        if 1 <= seconds <= LONGEST_TOKEN:
            return seconds
    raise given.error(f"write whole seconds, 1 to {LONGEST_TOKEN}")


def _provider(given: Given) -> object:
    if isinstance(given.value, str | int | float):
        raise given.error("give a function or a provider, as a keyword argument")
    return given.value


REGION = Option(
    "region",
    "",
    default="",
    help="The cluster's AWS region. Not needed if the host tells it; otherwise the "
    "default is AWS's own, from `AWS_REGION` or its config file.",
    parse=_text,
)
PROFILE = Option(
    "profile",
    "",
    default="",
    help="The profile of AWS's config files that has the credentials.",
    parse=_text,
)
CLUSTER_ID = Option(
    "cluster_id",
    "",
    default="",
    help="The cluster's id, for a host that does not tell it: a VPC endpoint, a name "
    "or an address of one's own.",
    parse=_text,
)
TOKEN_DURATION = Option(
    "token_duration_secs",
    "",
    default=900,
    help="Seconds for which a token is valid: 1 to 604800.",
    parse=_duration,
)
ORM_PREFIX = Option(
    "orm_prefix",
    "",
    default="",
    help="What comes before moorline's name in `application_name`.",
    parse=_prefix,
)
CREDENTIALS_PROVIDER: Option[object] = Option(
    "credentials_provider",
    "",
    default=None,
    help="A credential provider of botocore's, or a function that returns credentials. "
    "As a keyword argument only.",
    parse=_provider,
)
ALLOW_INSECURE_TLS = Option(
    "allow_insecure_tls",
    "",
    default=False,
    help="Let `sslmode` or `ssl` be less than `verify-full`, with a warning: `true` or "
    "`false`. The token then goes to whoever answers.",
    parse=boolean,
)
TABLE = Table(
    REGION,
    PROFILE,
    CLUSTER_ID,
    TOKEN_DURATION,
    ORM_PREFIX,
    CREDENTIALS_PROVIDER,
    ALLOW_INSECURE_TLS,
)
