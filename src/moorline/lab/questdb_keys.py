"""Make the key with which clients of ILP over TCP sign the server's challenge."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from moorline.lab.errors import LabError

__all__ = ["TcpKey", "make"]

_SIZE = 32  # bytes of a number on the curve P-256


@dataclass(frozen=True, slots=True)
class TcpKey:
    """A key as QuestDB's clients take it: base64url without padding."""

    username: str  # the key's id
    token: str = field(repr=False)  # the private number
    token_x: str
    token_y: str

    @property
    def line(self) -> str:
        """What the server must know of it."""
        return f"{self.username} ec-p-256-sha256 {self.token_x} {self.token_y}\n"


def make(username: str = "lab") -> TcpKey:
    """Make a new key. Raises LabError without cryptography, which trustme brings."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    except ImportError as error:
        raise LabError("tcp_auth=True needs trustme: pip install trustme") from error
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    return TcpKey(
        username,
        _encoded(numbers.private_value),
        _encoded(public.x),
        _encoded(public.y),
    )


def _encoded(number: int) -> str:
    data = base64.urlsafe_b64encode(number.to_bytes(_SIZE, "big"))
    return data.rstrip(b"=").decode()
