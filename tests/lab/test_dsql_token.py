from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from moorline.lab.dsql_keys import Credentials, Keyring
from moorline.lab.dsql_token import DeniedError, parse, sign, verify
from tests.lab.dsql_client import presign

HOST = "peccy.dsql.us-east-1.on.aws"
MOMENT = datetime(2024, 8, 27, tzinfo=UTC)  # of AWS's vectors
ONE = Credentials("akid", "secret", None, None, frozenset({"admin", "app"}))

# Published in smithy-rs, aws-inlineable/src/dsql_auth_token.rs.
VECTORS = {
    "DbConnect": "f5f2ad764ca5df44045d4ab6ccecba0eef941b0007e5765885a0b6ed3702a3f8",
    "DbConnectAdmin": (
        "267cf8d04d84444f7a62d5bdb40c44bfc6cb13dd6c64fa7f772df6bbaa90fff1"
    ),
}


def vector(action):
    return (
        f"{HOST}/?Action={action}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        "akid%2F20240827%2Fus-east-1%2Fdsql%2Faws4_request&X-Amz-Date=20240827T000000Z"
        "&X-Amz-Expires=450&X-Amz-SignedHeaders=host&X-Amz-Signature=" + VECTORS[action]
    )


def signed(**changes):
    given = {"access_key": "akid", "secret_key": "secret", "now": MOMENT}
    return presign(**{"host": HOST, "expires": 450} | given | changes)


def denied(token, user="admin", credentials=ONE, later=0.0, **changes):
    """Return why, and the hint; "" if it is not."""
    given = {
        "host": HOST,
        "region": "us-east-1",
        "user": user,
        "find": {credentials.access_key: credentials}.get,
        "now": MOMENT + timedelta(seconds=later),
    }
    try:
        verify(parse(token), **given | changes)
    except DeniedError as error:
        return error.reason, error.hint
    return ""


@pytest.mark.parametrize(
    ("action", "user"), [("DbConnect", "app"), ("DbConnectAdmin", "admin")]
)
def test_the_vectors_of_aws(action, user):
    assert signed(action=action) == vector(action)
    assert denied(vector(action), user) == ""


def test_what_a_token_says():
    token = parse(signed(session_token="a+b/c="))
    assert (token.host, token.action, token.access_key) == (
        HOST,
        "DbConnectAdmin",
        "akid",
    )
    assert (token.signed_at, token.expires) == (MOMENT, 450)
    assert token.session_token == "a+b/c="
    assert "secret" not in repr(token)
    assert token.signature not in repr(token)


@pytest.mark.parametrize("session_token", [None, "a+b/c="])
def test_the_lab_signs_as_aws_does(session_token):
    one = Credentials("akid", "sec+ret", session_token, None, frozenset())
    made = sign(one, host=HOST, region="eu-west-1", user="app", expires=60)
    same = presign(
        HOST,
        "akid",
        "sec+ret",
        session_token,
        action="DbConnect",
        region="eu-west-1",
        expires=60,
        now=parse(made).signed_at,
    )
    # But for the order of its parts, which is free.
    assert sorted(made.split("&")) == sorted(same.split("&"))


def test_a_fingerprint_tells_tokens_apart():
    tokens = [signed(), signed(), signed(expires=451), signed(secret_key="other")]
    one, same, *others = [parse(token).fingerprint for token in tokens]
    assert one == same
    assert len({one, *others}) == 3
    assert len(one) == 16


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host": f"other{HOST}"}, "host"),
        ({"region": "eu-west-1"}, "region"),
        ({"service": "rds-db"}, "service"),
        ({"access_key": "akie"}, "access key"),
        ({"secret_key": "Secret"}, "signature"),
        ({"session_token": "unasked"}, "session token"),
        ({"expires": 0}, "duration"),
        ({"expires": -5}, "duration"),
        ({"expires": 604801}, "duration"),
        ({"expires": 604800}, ""),
        ({"X_Amz_Expires": "1e3"}, "malformed"),
        ({"X_Amz_Algorithm": "AWS4-ECDSA-P256-SHA256"}, "malformed"),
        ({"X_Amz_SignedHeaders": "host;x-amz-date"}, "malformed"),
        ({"X_Amz_Date": "yesterday"}, "malformed"),
        ({"X_Amz_Credential": "akid/us-east-1"}, "malformed"),
        (
            {"X_Amz_Credential": "akid/20240826/us-east-1/dsql/aws4_request"},
            "malformed",
        ),
        ({"X_Amz_Credential": "akid/20240827/us-east-1/dsql/aws4"}, "malformed"),
        ({"action": "DbConnect"}, "action"),
        ({"action": "DbDisconnect"}, "action"),
    ],
)
def test_each_part_is_checked(changes, reason):
    assert (denied(signed(**changes)) or [""])[0] == reason


@pytest.mark.parametrize(
    "token",
    [
        "",
        "secret",
        HOST,
        f"{HOST}/?",
        f"https://{HOST}/?Action=DbConnectAdmin",
        signed().replace("&X-Amz-Date=20240827T000000Z", ""),
        signed().rpartition("&")[0],
        signed() + "&Action=DbConnectAdmin",
    ],
)
def test_what_is_no_token_is_malformed(token):
    assert denied(token) == ("malformed", "")


@pytest.mark.parametrize("part", ["450", "akid", "Admin&", "267cf8d0", "20240827T0000"])
def test_a_change_of_anything_is_noticed(part):
    token = signed()
    assert part in token
    other = "".join(chr(ord(one) ^ 1) if one.isalnum() else one for one in part)
    assert denied(token.replace(part, other))


def test_the_order_and_escaping_of_a_token_do_not_matter():
    host, _, query = signed(session_token="~a+b/c= ").partition("?")
    parts = query.replace("~", "%7e").split("&")
    one = Credentials("akid", "secret", "~a+b/c= ", None, frozenset({"admin"}))
    assert denied(f"{host}?{'&'.join(reversed(parts))}", credentials=one) == ""


@pytest.mark.parametrize(
    ("later", "reason", "hint"),
    [
        (
            -301,
            "not yet valid",
            (
                "Signature not yet current: 20240827T000000Z is still later than"
                " 20240826T235959Z"
            ),
        ),
        (-300, "", ""),
        (449.9, "", ""),
        (
            450,
            "expired",
            "Signature expired: 20240827T000730Z is now earlier than 20240827T000730Z",
        ),
    ],
)
def test_a_token_has_its_time(later, reason, hint):
    expected = (reason, hint) if reason else ""
    assert denied(signed(), later=later) == expected


def test_credentials_have_a_time_that_ends_that_of_their_tokens():
    end = MOMENT + timedelta(seconds=60)
    one = Credentials("akid", "secret", None, end, frozenset({"admin"}))
    assert denied(signed(), credentials=one, later=59) == ""
    assert denied(signed(), credentials=one, later=60) == ("credentials expired", "")


def test_an_action_is_for_one_kind_of_user():
    for action, user in [("DbConnect", "admin"), ("DbConnectAdmin", "app")]:
        hint = f"Wrong user to action mapping. user: {user}, action: {action}"
        assert denied(signed(action=action), user) == ("action", hint)
    # The user admin is one word in lower case; whoever is called otherwise is another.
    assert denied(signed(action="DbConnectAdmin"), "Admin")[0] == "action"


def test_credentials_are_for_some_users():
    assert denied(signed(action="DbConnect"), "ann") == ("user", "")


def test_a_keyring_makes_credentials_and_forgets_them():
    ring = Keyring()
    one = ring.make(["admin"], lifetime=None, session_token=True)
    other = ring.make(["app"], lifetime=60, session_token=False)
    assert ring.find(one.access_key) is one
    assert (one.expires, other.session_token) == (None, None)
    assert (one.access_key[:4], other.access_key[:4]) == ("ASIA", "AKIA")
    left = other.expires - datetime.now(UTC)
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)
    for secret in (one.secret_key, one.session_token):
        assert secret not in repr(one)
    ring.forget_all_but(one)
    assert ring.find(one.access_key) is one
    assert ring.find(other.access_key) is None
