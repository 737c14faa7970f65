"""A presigner of the standard library alone: an oracle for botocore's."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote


def presign(
    host, *, action, region, key, secret, seconds, at, token=None, service="dsql"
):
    """Return the token for `host` that is signed at `at`, in seconds since 1970."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    pairs = {
        "Action": action,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if token is not None:
        pairs["X-Amz-Security-Token"] = token
    query = [f"{name}={quote(value, safe='-_.~')}" for name, value in pairs.items()]
    empty = hashlib.sha256(b"").hexdigest()
    canonical = ["GET", "/", "&".join(sorted(query)), f"host:{host}", "", "host", empty]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signing_key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.new(signing_key, to_sign.encode(), "sha256").hexdigest()
    return f"{host}/?{'&'.join(query)}&X-Amz-Signature={signature}"
