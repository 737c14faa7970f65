from __future__ import annotations

import json
import os
import socket
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from moorline.lab import LabError
from tests.lab.dsql_client import by_psycopg, token_for


@pytest.fixture
def endpoint(dsql_lab):
    with dsql_lab.credentials_endpoint() as endpoint:
        yield endpoint


def get(endpoint, url=None):
    with urllib.request.urlopen(url or endpoint.url, timeout=5) as answer:  # noqa: S310 - http
        assert answer.headers["Content-Type"] == "application/json"
        return json.load(answer)


def test_it_hands_out_credentials_that_the_lab_knows(dsql_lab, endpoint):
    got = get(endpoint)
    assert set(got) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    token = token_for(
        dsql_lab,
        access_key=got["AccessKeyId"],
        secret_key=got["SecretAccessKey"],
        session_token=got["Token"],
    )
    by_psycopg(dsql_lab, token=token).close()
    assert dsql_lab.logins[0].access_key == got["AccessKeyId"]
    expires = datetime.fromisoformat(got["Expiration"])
    left = expires - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_each_request_gets_new_ones_with_the_lifetime_of_the_moment(endpoint):
    get(endpoint)
    endpoint.lifetime = 60
    get(endpoint)
    one, two = endpoint.issued
    assert one.access_key != two.access_key
    assert one.expires - two.expires > timedelta(minutes=58)
    assert endpoint.requests == 2


def test_it_fails_when_told_to(endpoint):
    endpoint.fail(times=2)
    endpoint.fail(status=429)
    for status in (500, 500, 429):
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(endpoint)
        assert caught.value.code == status
        caught.value.close()
    assert get(endpoint)["AccessKeyId"]
    assert (endpoint.requests, len(endpoint.issued)) == (4, 1)


def test_it_knows_one_path(endpoint):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(endpoint, endpoint.url + "/other")
    assert caught.value.code == 404
    caught.value.close()


def test_it_answers_late_and_ends_at_once(dsql_lab, eventually):
    endpoint = dsql_lab.credentials_endpoint(delay=0.05)
    get(endpoint)
    endpoint.delay = 3600
    failures = []

    def ask():
        with pytest.raises(OSError, match=r"reset|closed") as caught:
            get(endpoint)
        failures.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    assert eventually(lambda: endpoint.requests == 2)
    assert failures == []
    endpoint.close()
    asking.join(5)
    assert len(failures) == 1
    endpoint.close()  # again is no error
    with pytest.raises(OSError, match="refused"):
        get(endpoint)


def test_the_end_of_a_request_need_not_come(dsql_lab, endpoint):
    host, port = endpoint.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(b"GET /credentials HTTP/1.1\r\n")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert endpoint.requests == 0


def test_it_closes_with_the_test_or_the_lab(dsql_lab, make_dsql_lab):
    endpoints = [dsql_lab.credentials_endpoint(), dsql_lab.credentials_endpoint()]
    assert endpoints[0].url != endpoints[1].url
    dsql_lab.reset()
    lab = make_dsql_lab()
    endpoints.append(lab.credentials_endpoint())
    get(endpoints[2])
    lab.close()
    for endpoint in endpoints:
        with pytest.raises(OSError, match="refused"):
            get(endpoint)
        endpoint.close()
    with pytest.raises(LabError, match="not open"):
        lab.credentials_endpoint()


@pytest.fixture
def botocore(monkeypatch):
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    return pytest.importorskip("botocore.session")


def signed_by(session, lab):
    client = session.create_client("dsql")
    return client.generate_db_connect_admin_auth_token(lab.endpoint)


def test_aws_own_library_takes_both_environments(
    dsql_lab, endpoint, botocore, monkeypatch
):
    for environment in (dsql_lab.environment(), endpoint.environment()):
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            session = botocore.get_session()
            by_psycopg(dsql_lab, token=signed_by(session, dsql_lab)).close()
    assert endpoint.requests == 1
    keys = [login.access_key for login in dsql_lab.logins]
    assert keys == [dsql_lab.access_key, endpoint.issued[0].access_key]
