"""What options mean, from a string, from the environment and from arguments."""

from __future__ import annotations

import inspect
import logging
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from moorline.errors import ConfigError
from moorline.questdb import options
from moorline.questdb.auth import Basic, Bearer
from moorline.questdb.builder import SenderBuilder
from moorline.questdb.settings import (
    settings_from_conf,
    settings_from_env,
    settings_of,
)

if TYPE_CHECKING:
    from moorline.core.options import Value
    from moorline.questdb.settings import Settings

SPEC = Path(__file__).parents[1] / "spec" / "questdb_options.toml"
CASES = tomllib.loads(SPEC.read_text("utf-8"))["cases"]
HUSH = "hush"  # what the cases call a secret
INSECURE = "MOORLINE_ALLOW_INSECURE_TLS"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QDB_CLIENT_CONF", INSECURE):
        monkeypatch.delenv(name, raising=False)


def as_data(value: Any) -> Any:
    """Write a field as TOML can."""
    if hasattr(value, "_fields") and type(value).__name__ != "AutoFlush":
        return str(value) if type(value).__name__ == "Address" else repr(value)
    if isinstance(value, tuple):
        return [as_data(one) for one in value]
    return "None" if value is None else value


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_a_string_means(case, caplog):
    text, args = case["conf"], case.get("args", {})
    if "error" in case:
        with pytest.raises(ConfigError) as raised:
            settings_from_conf(text, **args)
        assert case["error"] in str(raised.value)
        assert HUSH not in str(raised.value)
    else:
        settings = settings_from_conf(text, **args)
        found = {name: as_data(getattr(settings, name)) for name in case["expect"]}
        assert found == case["expect"]
        assert HUSH not in repr(settings)
    assert HUSH not in caplog.text


def test_no_two_cases_have_one_name():
    assert len({case["name"] for case in CASES}) == len(CASES)


def test_the_environment_has_a_string(monkeypatch):
    monkeypatch.setenv("QDB_CLIENT_CONF", "tcp::addr=a;strict=on")
    settings = settings_from_env(strict=False, addr="b")
    assert (settings.protocol, settings.strict) == ("tcp", False)
    assert str(settings.addresses[0]) == "b:9009"
    monkeypatch.setenv("QDB_CLIENT_CONF", "tcp::addr=a;gzip=on")
    with pytest.raises(ConfigError, match=r"gzip='on' \(QDB_CLIENT_CONF\): it is for"):
        settings_from_env()


@pytest.mark.parametrize("said", [None, ""])
def test_the_environment_has_no_string(monkeypatch, said):
    if said is not None:
        monkeypatch.setenv("QDB_CLIENT_CONF", said)
    with pytest.raises(ConfigError, match="variable QDB_CLIENT_CONF is not set"):
        settings_from_env()


@pytest.mark.parametrize(
    ("said", "args", "allowed"),
    [
        ("1", {}, True),
        ("0", {}, False),
        ("0", {"allow_insecure_tls": True}, True),
        ("1", {"allow_insecure_tls": False}, False),
    ],
)
def test_a_variable_may_allow_unsafe_off(monkeypatch, said, args, allowed):
    monkeypatch.setenv(INSECURE, said)
    text = "https::addr=a;tls_verify=unsafe_off"
    if allowed:
        tls = settings_from_conf(text, **args).tls
        assert tls is not None
        assert not tls.verify
    else:
        with pytest.raises(ConfigError, match="go to whoever answers"):
            settings_from_conf(text, **args)


def test_the_variable_means_nothing_without_tls(monkeypatch):
    monkeypatch.setenv(INSECURE, "1")
    assert settings_from_conf("http::addr=a").tls is None


def test_what_is_ignored_is_logged_without_its_value(caplog):
    caplog.set_level(logging.INFO)
    settings_from_conf("http::addr=a;auth=hush;zone=x")
    assert "options without effect here: auth, zone" in caplog.text
    assert HUSH not in caplog.text


def test_pythons_own_values():
    def provider() -> str:
        return "x"

    settings = settings_of(
        "HTTP",
        {
            "addr": "a",
            "token": provider,
            "request_timeout": timedelta(seconds=2.5),
            "auto_flush_interval": timedelta(minutes=1),
            "auto_flush_rows": False,
            "spool_dir": Path("/s"),
            "protocol_version": 2,
            "max_name_len": None,
        },
    )
    assert settings.auth == Bearer(provider)
    assert (settings.request_timeout, settings.protocol_version) == (2.5, 2)
    assert settings.auto_flush == (None, 60.0, None)
    assert (settings.spool_dir, settings.max_name_len) == ("/s", 127)


@pytest.mark.parametrize(
    ("protocol", "args", "error"),
    [
        ("tcp", {"username": "u", "token": str}, "for TCP it is the private key"),
        ("http", {"username": "a\r\nb", "password": "x"}, "a control character in it"),
        ("http", {"username": "a", "password": "hu\nsh"}, r"password=\*\*\*"),
        ("http", {"token": "hush\r\nX: y"}, r"token=\*\*\*"),
        ("http", {"token": 7}, r"token=\*\*\*"),
        ("http", {"username": 7, "password": "x"}, "username=7"),
        ("http", {"auto_flush_rows": True}, "1 or more, or off"),
        ("http", {"max_buf_size": 1e9}, "whole number of bytes"),
        ("http", {"max_buf_size": "9" * 5000}, "whole number of bytes"),
        ("http", {"max_name_len": "9" * 5000}, "16 or more"),
        ("http", {"request_timeout": timedelta(0)}, "milliseconds, 1 to"),
        ("http", {"request_timeout": True}, "milliseconds, 1 to"),
        ("http", {"addr": ["a", "b"]}, "write host:port"),
        ("http", {"addr": "a," * 2000}, "write host"),
        ("http", {"addr": ",".join(map("h{}".format, range(1025)))}, "more than 1024"),
    ],
)
def test_arguments_of_the_wrong_kind(protocol, args, error):
    with pytest.raises(ConfigError, match=error) as raised:
        settings_of(protocol, {"addr": "a", **args})
    assert HUSH not in str(raised.value)


# --- the builder --------------------------------------------------------------------

# A value for each key that its own protocol takes.
VALUES: dict[str, tuple[str, Value, dict[str, Value]]] = {
    "addr": ("http", "b:1", {}),
    "username": ("http", "me", {"password": HUSH}),
    "password": ("http", HUSH, {"username": "me"}),
    "token": ("http", HUSH, {}),
    "token_x": ("tcp", "A" * 43, {"token_y": "A" * 43, "token": "A" * 43}),
    "token_y": ("tcp", "A" * 43, {"token_x": "A" * 43, "token": "A" * 43}),
    "tls_ca": ("https", "os_roots", {}),
    "tls_roots": ("https", "/r", {}),
    "tls_roots_password": ("https", HUSH, {"tls_roots": "/r"}),
    "tls_verify": ("https", "unsafe_off", {"allow_insecure_tls": True}),
    "tls_client_cert": ("tcps", "/c", {}),
    "tls_client_key": ("tcps", "/k", {"tls_client_cert": "/c"}),
    "tls_min_version": ("tcps", "1.3", {}),
    "allow_insecure_tls": ("https", True, {"tls_verify": "unsafe_off"}),
    "auto_flush": ("http", False, {}),
    "auto_flush_rows": ("http", 7, {}),
    "auto_flush_interval": ("tcp", 7, {}),
    "auto_flush_bytes": ("tcp", 7, {}),
    "init_buf_size": ("tcp", 2048, {}),
    "max_buf_size": ("tcp", 204800, {}),
    "max_name_len": ("http", 64, {}),
    "protocol_version": ("http", 2, {}),
    "request_timeout": ("http", 7, {}),
    "request_min_throughput": ("http", 7, {}),
    "retry_timeout": ("http", 7, {}),
    "retry_max_backoff_millis": ("http", 17, {}),
    "auth_timeout": ("tcp", 7, {}),
    "bind_interface": ("tcp", "127.0.0.1", {}),
    "gzip": ("http", True, {}),
    "strict": ("http", True, {}),
    "spool_dir": ("http", "/s", {}),
}


def told(settings: Settings) -> str:
    """Write settings with their secrets, to compare them."""
    match settings.auth:
        case Basic(_, password):
            revealed: object = password.reveal()
        case Bearer(token) if not callable(token):
            revealed = token.reveal()
        case _:
            revealed = ""
    return f"{settings} {revealed}"


@pytest.mark.parametrize("name", options.TABLE.names)
def test_each_key_has_a_method_an_argument_and_a_place_in_the_string(name):
    protocol, value, others = VALUES[name]
    if protocol == "tcp" and "token" in others:
        others = {**others, "username": "kid"}
    builder = SenderBuilder(protocol, "a", 1)
    for other, said in others.items():
        getattr(builder, other)(said)
    before = None if name in {"username", "password"} or others else builder.settings()

    assert getattr(builder, name)(value) is builder

    built = builder.settings()
    args = {**others, name: f"a:1,{value}" if name == "addr" else value}
    assert told(built) == told(settings_of(protocol, {"addr": "a:1", **args}))
    text = "".join(f"{key}={said};" for key, said in {"addr": "a:1", **args}.items())
    assert told(built) == told(settings_from_conf(f"{protocol}::{text}"))
    assert before is None or told(built) != told(before)


def test_the_builder_has_no_other_methods():
    methods = {
        name
        for name, _ in inspect.getmembers(SenderBuilder, inspect.isroutine)
        if not name.startswith("_")
    }
    own = {"from_conf", "from_env", "settings", "build", "build_async"}
    assert methods == own | set(options.TABLE.names)


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("a", None, "a:9000"),
        ("a", "7", "a:7"),
        ("::1", None, "[::1]:9000"),
        ("::1", 7, "[::1]:7"),
        ("[::1]", 7, "[::1]:7"),
    ],
)
def test_where_the_builder_goes(host, port, address):
    (found,) = SenderBuilder("http", host, port).settings().addresses
    assert str(found) == address


def test_the_builder_begins_with_a_string(monkeypatch):
    monkeypatch.setenv("QDB_CLIENT_CONF", "http::addr=a;strict=on")
    for builder in (
        SenderBuilder.from_conf("http::addr=a;strict=on;"),
        SenderBuilder.from_env(),
    ):
        settings = builder.strict(value=False).addr("b").settings()
        assert (settings.strict, str(settings.addresses[0])) == (False, "b:9000")


def test_the_builder_shows_no_secret():
    builder = SenderBuilder("http", "a").username("me").password(HUSH)
    assert repr(builder) == "SenderBuilder(addr, username, password)"


def test_options_that_the_page_explains():
    assert all(option.help.endswith(".") for option in options.TABLE)
