from __future__ import annotations

import sys

import pytest

from moorline.dsql.environment import NAMES, default_region
from moorline.shell.variables import Variables


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION", "SSL_CERT_FILE"]
)
def test_what_decides_is_told_by_name_and_value(name, monkeypatch):
    variables = Variables(NAMES)
    before = variables.read()
    assert name not in dict(before)

    monkeypatch.setenv(name, "x")

    assert dict(variables.read())[name] == "x"


def test_a_region_in_the_environment_imports_nothing_of_aws(monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    monkeypatch.setenv("AWS_REGION", "")  # as good as none
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert default_region(None) == "eu-west-1"


def test_no_region_is_no_error():
    assert default_region(None) == ""


def test_a_profile_that_is_not_there_is_named():
    with pytest.raises(Exception, match=r"profile \(nobody\) could not be found"):
        default_region("nobody")
