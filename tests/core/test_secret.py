from __future__ import annotations

import copy
import pickle

import pytest

from moorline.core.secret import Secret

PASSWORD = "hunter2"


def test_a_secret_is_revealed_on_demand_only():
    secret = Secret(PASSWORD)
    assert secret.reveal() == PASSWORD


@pytest.mark.parametrize("value", [PASSWORD, {"password": PASSWORD}, (PASSWORD,)])
@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r:>8}".format, "%s".__mod__, lambda s: repr([s])],
    ids=["repr", "str", "format", "format_spec", "percent", "within"],
)
def test_no_text_shows_it(show, value):
    text = show(Secret(value))
    assert PASSWORD not in text
    assert "***" in text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol):
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(Secret(PASSWORD), protocol)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_it_is_not_copied(copied):
    with pytest.raises(TypeError):
        copied(Secret(PASSWORD))


def test_secrets_are_not_compared_by_value():
    assert Secret(PASSWORD) != Secret(PASSWORD)


def test_nothing_else_holds_the_value():
    assert not hasattr(Secret(PASSWORD), "__dict__")
