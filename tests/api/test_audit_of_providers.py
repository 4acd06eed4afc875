"""A login that a provider cannot decide, or denies for a reason that is not one word, is one audit event."""

from collections.abc import Mapping
from typing import Any

import pytest

from app import create_app
from providers.interface import Denied, Overloaded, ProviderUnavailable
from tests.support.audit_events import events_in
from tests.support.sessions import send_login
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE


class Scripted:
    """A custom provider that returns or raises what its test has set."""

    result: object = None

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> Any:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def scripted_login(result: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(Scripted, "result", result)
    client = create_app({"AUTH_PROVIDER": f"{__name__}:Scripted", "SECRET_KEY": SECRET_KEY}).test_client()
    return send_login(client).status_code


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (ProviderUnavailable("x"), "provider_unavailable"),
        (ConnectionError("x"), "provider_unavailable"),
        (Overloaded(), "overloaded"),
        (KeyError("x"), "internal_error"),
        ("not a user", "internal_error"),
    ],
)
def test_outage_is_not_a_denied_login(
    result: object, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert scripted_login(result, monkeypatch) in {500, 503}
    (event,) = events_in(caplog)
    assert (event["event"], event["reason"], event["login"]) == ("login_unavailable", reason, ZOE.username)


@pytest.mark.parametrize("reason", ["", "Wrong password: hunter2", "x" * 65])
def test_reason_of_a_custom_provider_that_is_not_one_word_is_not_logged(
    reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert scripted_login(Denied(reason), monkeypatch) == 400
    (event,) = events_in(caplog)
    assert (event["event"], event["reason"]) == ("login_denied", "invalid_reason")
