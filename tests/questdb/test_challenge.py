"""Signing: the signature is right, and keys that are none are told without them."""

from __future__ import annotations

import base64
import sys

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given
from hypothesis import strategies as st

from moorline.core.secret import Secret
from moorline.errors import ConfigError
from moorline.questdb.auth import Key
from moorline.questdb.challenge import Signing

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def written(number: int) -> Secret[str]:
    data = base64.urlsafe_b64encode(number.to_bytes(32, "big"))
    return Secret(data.decode().rstrip("="))


def key(number: int, **more: Secret[str]) -> Key:
    return Key("kid", written(number), **more)


@given(st.integers(1, ORDER - 1), st.binary(max_size=600))
def test_the_server_can_verify_what_is_answered(number, challenge):
    answer = Signing(key(number)).answer(challenge)
    assert len(answer) == 88
    raw = base64.b64decode(answer, validate=True)
    signature = utils.encode_dss_signature(
        int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    )
    public = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    public.verify(signature, challenge, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(signature, challenge + b"\n", ec.ECDSA(hashes.SHA256()))


@given(st.integers(1, ORDER - 1))
def test_the_public_numbers_are_compared_if_they_are_given(number):
    public = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    numbers = public.public_numbers()
    x, y = written(numbers.x), written(numbers.y)
    Signing(key(number, token_x=x, token_y=y)).prepare()
    other = written(numbers.x ^ 1)
    for name, wrong in (
        ("token_x", {"token_x": other, "token_y": y}),
        ("token_y", {"token_x": x, "token_y": other}),
    ):
        with pytest.raises(ConfigError) as raised:
            Signing(key(number, **wrong)).prepare()
        text = str(raised.value)
        assert text.startswith(f"{name}=***: it does not belong to the private key")
        assert other.reveal() not in text


@pytest.mark.parametrize("number", [0, ORDER, 2**256 - 1])
def test_a_number_that_is_no_key(number):
    with pytest.raises(ConfigError, match=r"token=\*\*\*: it is no private key") as e:
        Signing(key(number)).answer(b"challenge")
    assert written(number).reveal() not in str(e.value)
    assert e.value.__suppress_context__


def test_what_signs_is_missing(monkeypatch):
    name = "cryptography.hazmat.primitives"
    monkeypatch.setitem(sys.modules, name, None)
    signing = Signing(key(1))  # nothing is imported by then
    with pytest.raises(ConfigError, match=r"pip install moorline\[questdb-keys\]"):
        signing.prepare()


def test_the_key_is_in_no_text():
    number = int.from_bytes(b"a-very-private-number-of-32-byte", "big")
    signing = Signing(key(number))
    signing.prepare()
    secret = written(number).reveal()
    assert secret not in repr(signing) + repr(key(number)) + str(vars(signing))
