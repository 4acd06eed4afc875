"""Samba returns the Windows error codes from which the LDAP provider reads the reason of a denied login."""

import re

import pytest

from tests.servers.samba import Samba, person_dn
from tests.support.active_directory import DENIED, DENIED_PASSWORD

CODES = dict(zip(DENIED, ("530", "531", "532", "533", "701", "773", "775"), strict=True))


@pytest.mark.parametrize(("username", "code"), CODES.items())
def test_bind_with_the_correct_password_returns_the_code_of_the_reason(samba: Samba, username: str, code: str) -> None:
    assert _bind_error_code(samba, username, DENIED_PASSWORD) == code


@pytest.mark.parametrize("username", [name for name in DENIED if name != "locked"])
def test_bind_with_a_wrong_password_returns_the_same_code_for_every_user(samba: Samba, username: str) -> None:
    assert _bind_error_code(samba, username, "wrong") == "52e"


def _bind_error_code(samba: Samba, username: str, password: str) -> str:
    connection = samba.connection(person_dn(username), password)
    _, result, _, _ = connection.bind()
    connection.unbind()
    found = re.search(r"AcceptSecurityContext error, data (\w+),", result["message"])
    assert found, result
    return found[1]
