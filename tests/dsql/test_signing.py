from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import botocore.auth
import pytest
from botocore.credentials import (
    CredentialProvider,
    Credentials,
    ReadOnlyCredentials,
    RefreshableCredentials,
)

from moorline.dsql.signing import (
    MARGIN,
    Signer,
    action_for,
    credentials_from,
    margin_of,
    seconds_left,
)
from moorline.errors import ConfigError
from tests.dsql.presign import presign

HOST = "peccy.dsql.us-east-1.on.aws"
AT = 1724716800  # 2024-08-27T00:00:00Z
KEYS = ReadOnlyCredentials("akid", "secret", None)
# From the tests of the SDK for Rust, as the service takes them.
GOLDEN = {
    "DbConnect": "f5f2ad764ca5df44045d4ab6ccecba0eef941b0007e5765885a0b6ed3702a3f8",
    "DbConnectAdmin": (
        "267cf8d04d84444f7a62d5bdb40c44bfc6cb13dd6c64fa7f772df6bbaa90fff1"
    ),
}


@pytest.fixture
def clock(monkeypatch):
    """Let botocore's clock, and ours, stand at `AT`; it can be set."""
    times = [float(AT)]

    def now():
        return datetime.fromtimestamp(times[0], UTC)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", now)
    monkeypatch.setattr("moorline.dsql.signing.time.time", lambda: times[0])
    return times


def signer(action="DbConnect", *, credentials=KEYS, seconds=450, **changes):
    given = {"host": HOST, "region": "us-east-1"} | changes
    return Signer(
        action=action, seconds=seconds, credentials=lambda: credentials, **given
    )


@pytest.mark.parametrize("action", GOLDEN)
@pytest.mark.usefixtures("clock")
def test_tokens_are_those_that_the_service_takes(action):
    text = signer(action).sign().text.reveal()
    assert text.startswith(f"{HOST}/?Action={action}&X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert text.endswith(f"&X-Amz-Signature={GOLDEN[action]}")
    oracle = {"action": action, "region": "us-east-1", "seconds": 450, "at": AT}
    assert text == presign(HOST, key="akid", secret="secret", **oracle)


def test_four_hundred_tokens_are_those_of_another_implementation(clock):
    dice = random.Random(7)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+="

    def text(least, most):
        return "".join(dice.choices(letters, k=dice.randint(least, most)))

    for _ in range(400):
        clock[0] = float(dice.randint(AT, AT + 10**8))
        region = dice.choice(["us-east-1", "eu-west-2", "ap-northeast-1", "us-gov-1"])
        service_id = dice.choice(["dsql", "dsql-fnh4"])
        host = f"{'a1' * 13}.{service_id}.{region}.on.aws"
        action = dice.choice(list(GOLDEN))
        seconds = dice.randint(1, 604_800)
        key, secret = text(16, 20), text(40, 40)
        token = text(100, 900) if dice.random() < 0.5 else None
        credentials = ReadOnlyCredentials(key, secret, token)
        ours = signer(
            action, credentials=credentials, seconds=seconds, host=host, region=region
        )
        assert ours.sign().text.reveal() == presign(
            host,
            action=action,
            region=region,
            key=key,
            secret=secret,
            seconds=seconds,
            at=clock[0],
            token=token,
        )


@pytest.mark.parametrize(
    ("user", "action"),
    [
        ("admin", "DbConnectAdmin"),
        ("app", "DbConnect"),
        ("Admin", "DbConnect"),
        (" admin", "DbConnect"),
        ("", "DbConnect"),
    ],
)
def test_admin_and_nobody_else_needs_the_action_of_the_admin(user, action):
    assert action_for(user) == action


# How long a token is of use.


@pytest.mark.usefixtures("clock")
def test_a_token_is_of_use_until_shortly_before_its_end():
    token = signer(seconds=900).sign()
    assert token.signed_at == AT
    assert token.good_until == AT + 900 - MARGIN
    assert token.renew_at == AT + 0.8 * (900 - MARGIN)


def test_its_end_is_reckoned_from_the_whole_second_that_is_signed(clock):
    clock[0] = AT + 0.9
    token = signer(seconds=100).sign()
    assert token.signed_at == AT + 0.9
    assert token.good_until == AT + 100 - MARGIN
    assert token.renew_at == AT + 0.8 * (100 - MARGIN)


@pytest.mark.usefixtures("clock")
def test_a_token_of_one_second_is_of_use_too():
    token = signer(seconds=1).sign()
    assert token.good_until == pytest.approx(AT + 0.9)
    assert margin_of(1.0) == 0.1


def temporary(seconds, *, fetch=None):
    """Return credentials of botocore's that end in so many seconds."""
    return RefreshableCredentials(
        "key",
        "secret",
        "session",
        datetime.now(UTC) + timedelta(seconds=seconds),
        fetch or (lambda: pytest.fail("nobody asked for new ones")),
        "test",
        advisory_timeout=0,
        mandatory_timeout=0,
    )


def test_a_token_is_of_no_more_use_when_its_credentials_are_not():
    token = signer(credentials=temporary(300), seconds=900).sign()
    assert token.good_until - token.signed_at == pytest.approx(300 - MARGIN, abs=1)
    assert "X-Amz-Security-Token=session" in token.text.reveal()


@pytest.mark.parametrize(
    ("credentials", "left"),
    [
        (KEYS, 900.0),
        (Credentials("k", "s"), 900.0),
        (temporary(10_000), 900.0),
        (temporary(-1), 0.0),
    ],
)
def test_how_long_credentials_are_valid(credentials, left):
    assert seconds_left(credentials, 900.0) == pytest.approx(left, abs=0.02)


# Where credentials come from.


@pytest.fixture
def _no_aws(monkeypatch, tmp_path):
    """Leave AWS's chain nothing to find."""
    import os  # noqa: PLC0415

    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("_no_aws")
def test_the_chain_finds_variables_and_profiles(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-env")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    profile = "[dev]\naws_access_key_id = from-file\naws_secret_access_key = s\n"
    (tmp_path / "credentials").write_text(profile)
    assert credentials_from()().access_key == "from-env"
    assert credentials_from(profile="dev")().access_key == "from-file"


@pytest.mark.usefixtures("_no_aws")
def test_no_credentials_are_an_error_with_the_cure_and_may_come_later(monkeypatch):
    credentials = credentials_from()
    with pytest.raises(ConfigError, match="there are no AWS credentials: set AWS_"):
        credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "later")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert credentials().access_key == "later"


class Provider(CredentialProvider):
    METHOD = "custom"

    def load(self):
        return Credentials("from-provider", "s")


@pytest.mark.parametrize(
    ("provider", "key", "token"),
    [
        (Provider(), "from-provider", None),
        (lambda: Credentials("k", "s", "t"), "k", "t"),
        (lambda: KEYS, "akid", None),
        (lambda: ("k", "s"), "k", None),
        (lambda: ("k", "s", "t"), "k", "t"),
        (lambda: ["k", "s", None], "k", None),
    ],
)
def test_a_provider_may_be_botocores_or_a_function(provider, key, token):
    credentials = credentials_from(provider)()
    assert (credentials.access_key, credentials.token) == (key, token)
    assert signer(credentials=credentials).sign()


@pytest.mark.parametrize("gives", [None, "key", ("k",), ("k", 1), 5, ("a",) * 4])
def test_a_provider_that_gives_no_credentials_is_an_error(gives):
    with pytest.raises(ConfigError, match="credentials_provider gave a"):
        credentials_from(lambda: gives)()


def test_a_provider_that_is_none_is_an_error():
    with pytest.raises(ConfigError, match="give a function, or a provider"):
        credentials_from("provider")


def test_no_text_shows_a_token():
    token = signer().sign()
    assert "X-Amz" not in repr(token)
