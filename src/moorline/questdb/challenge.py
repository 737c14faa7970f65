"""Answering the challenge with which QuestDB lets clients in by TCP.

Source: QuestDB's documentation, "ILP overview", authentication by TCP; that the
signature is raw, and not DER, was tried with a server of version 9.3.4 (it takes both).
"""

from __future__ import annotations

import threading
from base64 import b64encode, urlsafe_b64decode
from typing import TYPE_CHECKING

from moorline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicNumbers

    from moorline.core.secret import Secret
    from moorline.questdb.auth import Key

__all__ = ["Signing"]

SIZE = 32  # bytes of a number on the curve P-256


class Signing:
    """Signs challenges with a key. Threads may share it.

    Args:
        key: The key, as the options give it.

    Attributes:
        username: The id of the key.
    """

    def __init__(self, key: Key) -> None:
        self.username = key.username
        self._key = key
        self._sign: Callable[[bytes], bytes] | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Import what signs, and read the key; `answer` does so at first if need be.

        It takes tens of milliseconds once: asyncio programs do it in a thread.

        Raises:
            ConfigError: cryptography is not installed, or the key is none.
        """
        with self._lock:
            if self._sign is None:
                self._sign = _signer(self._key)

    def answer(self, challenge: bytes) -> bytes:
        """Return what to answer: ECDSA on P-256 with SHA-256, r and s in base64.

        Args:
            challenge: What the server sent, without its end of line.

        Raises:
            ConfigError: As for `prepare`.
        """
        self.prepare()
        assert self._sign is not None  # noqa: S101 - it was prepared
        return b64encode(self._sign(challenge))


def _signer(key: Key) -> Callable[[bytes], bytes]:
    try:
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "username and token of tcp are a key, and what signs with it is missing: "
            "pip install moorline[questdb-keys]"
        ) from error
    number = _number(key.token)
    try:
        private = ec.derive_private_key(number, ec.SECP256R1())
    except ValueError:
        # Its text may have the number in it.
        raise ConfigError(
            "token=***: it is no private key on the curve P-256, `d` of a JWK"
        ) from None
    _compare(key, private.public_key().public_numbers())
    algorithm = ec.ECDSA(hashes.SHA256())

    def sign(challenge: bytes) -> bytes:
        r, s = utils.decode_dss_signature(private.sign(challenge, algorithm))
        return r.to_bytes(SIZE, "big") + s.to_bytes(SIZE, "big")

    return sign


def _compare(key: Key, public: EllipticCurvePublicNumbers) -> None:
    for name, given, number in (
        ("token_x", key.token_x, public.x),
        ("token_y", key.token_y, public.y),
    ):
        if given is not None and _number(given) != number:
            raise ConfigError(
                f"{name}=***: it does not belong to the private key in token; take d, "
                "x and y from one JWK, or leave token_x and token_y out"
            )


def _number(written: Secret[str]) -> int:
    value = written.reveal().rstrip("=")
    return int.from_bytes(urlsafe_b64decode(value + "=" * (-len(value) % 4)), "big")
