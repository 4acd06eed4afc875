"""The tests' Active Directory refuses as a real one does: what the provider reads from its words depends on that."""

import re

import pytest

from tests.servers.samba import Samba, person_dn
from tests.support.active_directory import REFUSED, REFUSED_PASSWORD

CODES = dict(zip(REFUSED, ("530", "531", "532", "533", "701", "773", "775"), strict=True))


@pytest.mark.parametrize(("username", "code"), CODES.items())
def test_a_right_password_is_refused_with_a_reason_of_its_own(samba: Samba, username: str, code: str) -> None:
    assert _refusal(samba, username, REFUSED_PASSWORD) == code


@pytest.mark.parametrize("username", [name for name in REFUSED if name != "locked"])
def test_a_wrong_password_tells_nothing(samba: Samba, username: str) -> None:
    assert _refusal(samba, username, "wrong") == "52e"


def _refusal(samba: Samba, username: str, password: str) -> str:
    connection = samba.connection(person_dn(username), password)
    _, result, _, _ = connection.bind()
    connection.unbind()
    found = re.search(r"AcceptSecurityContext error, data (\w+),", result["message"])
    assert found, result
    return found[1]
