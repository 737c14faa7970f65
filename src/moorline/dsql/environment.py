"""What the environment says of credentials, regions and roots."""

from __future__ import annotations

import os
from typing import Any

from moorline.shell.variables import Variables

__all__ = ["default_region", "environment"]

# What AWS's chain of credentials and ours read. A plan and a token are kept for as long
# as all of them stay as they are.
NAMES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "HOME",
    "SSL_CERT_FILE",
    "PGSSLROOTCERT",
)


environment = Variables(NAMES)


def default_region(profile: str | None) -> str:
    """Return the region that AWS's tools would take, "" if there is none.

    From ``AWS_REGION``, ``AWS_DEFAULT_REGION``, or the profile in AWS's config file,
    for which botocore is imported.
    """
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if named:
        return named
    from botocore.session import Session  # noqa: PLC0415 - slow to import

    session: Any = Session(profile=profile)
    return session.get_config_variable("region") or ""
