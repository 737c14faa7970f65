from __future__ import annotations

import pytest

from moorline.dsql.options import (
    ALLOW_INSECURE_TLS,
    CREDENTIALS_PROVIDER,
    ORM_PREFIX,
    REGION,
    TABLE,
    TOKEN_DURATION,
)
from moorline.errors import ConfigError


def given(**values):
    return TABLE.collect([("keyword argument", values)])


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("tokenDurationSecs", TOKEN_DURATION),
        ("token_duration_secs", TOKEN_DURATION),
        ("token-duration-secs", TOKEN_DURATION),
        ("ormPrefix", ORM_PREFIX),
        ("region", REGION),
        ("allowInsecureTLS", ALLOW_INSECURE_TLS),
    ],
)
def test_names_of_other_connectors_mean_the_same(name, option):
    assert TABLE.find(name, "x") is option


@pytest.mark.parametrize("value", [1, "900", 604_800, " 60 "])
def test_durations(value):
    assert TOKEN_DURATION.of(given(token_duration_secs=value)) == int(value)
    assert TOKEN_DURATION.of({}) == 900


@pytest.mark.parametrize(
    "value", [0, -5, 604_801, 1.5, True, "1e3", "", "x", "9" * 5000, float("nan")]
)
def test_durations_that_the_service_would_refuse(value):
    with pytest.raises(ConfigError, match="write whole seconds, 1 to 604800"):
        TOKEN_DURATION.of(given(token_duration_secs=value))


def test_an_empty_region_is_an_error():
    with pytest.raises(ConfigError, match="it is empty; leave it out"):
        REGION.of(given(region=" "))


def test_a_provider_is_no_text():
    def provider():
        return ("key", "secret")

    assert CREDENTIALS_PROVIDER.of(given(credentials_provider=provider)) is provider
    with pytest.raises(ConfigError, match="as a keyword argument"):
        CREDENTIALS_PROVIDER.of(given(credentials_provider="provider"))


def test_tls_is_lowered_only_on_purpose():
    assert ALLOW_INSECURE_TLS.of({}) is False
    assert ALLOW_INSECURE_TLS.of(given(allow_insecure_tls=True)) is True
    with pytest.raises(ConfigError):
        ALLOW_INSECURE_TLS.of(given(allow_insecure_tls="yes"))


def test_every_option_has_its_sentence():
    assert all(option.help.endswith(".") for option in TABLE)
