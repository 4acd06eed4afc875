"""A password in the text of an exception of a custom provider is removed before the exception is logged."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import NoReturn
from urllib.parse import quote, quote_plus

import pytest

from app import create_app
from providers.interface import Overloaded, ProviderUnavailable, RequestFailed
from tests.support.stores import SECRET_KEY

LOGIN, PASSWORD = "zoé", "pä\"ss w/'örd\\+日本"
SPELLINGS: dict[str, Callable[[], str]] = {
    "as it is": lambda: PASSWORD,
    "repr": lambda: repr({"password": PASSWORD}),
    "ascii": lambda: ascii((LOGIN, PASSWORD)),
    "bytes": lambda: repr(PASSWORD.encode()),
    "JSON": lambda: json.dumps({"password": PASSWORD}),
    "URL": lambda: f"https://idp/?p={quote(PASSWORD)}",
    "form": lambda: f"p={quote_plus(PASSWORD)}",
    "basic": lambda: f"Basic {base64.b64encode(f'{LOGIN}:{PASSWORD}'.encode()).decode()}",
}


def leaks() -> list[str]:
    """Return a distinctive part of each spelling."""
    encoded = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
    return ["日本", "\\u65e5", "\\xe6\\x97\\xa5", "%E6%97%A5", encoded[:20]]


class Leaking:
    """Raises an exception with the password in its text, or in that of its cause."""

    text = ""
    kind: Callable[[str], Exception] = ValueError
    how = "text"

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> NoReturn:
        error = Leaking.kind(self.text)
        if self.how == "text":
            raise error
        if self.how == "note":
            other = Leaking.kind("failed")
            other.add_note(self.text)
            raise other
        try:
            raise error
        except Exception as cause:
            if self.how == "cause":
                raise Leaking.kind("failed") from cause
            raise Leaking.kind("failed")  # noqa: B904 - a context without a cause


def log_in(monkeypatch: pytest.MonkeyPatch, kind: Callable[[str], Exception], text: str, how: str) -> int:
    monkeypatch.setattr(Leaking, "kind", staticmethod(kind))
    monkeypatch.setattr(Leaking, "text", text)
    monkeypatch.setattr(Leaking, "how", how)
    environ = {"AUTH_PROVIDER": f"{__name__}:Leaking", "SECRET_KEY": SECRET_KEY}
    client = create_app(environ).test_client()
    return client.post("/api/auth", json={"email": LOGIN, "password": PASSWORD}).status_code


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (ValueError, 500),
        (ProviderUnavailable, 503),
        (RequestFailed, 503),
        (ConnectionError, 503),
        (lambda text: OSError(111, text), 503),
        (Overloaded, 503),
    ],
)
def test_password_in_the_text_of_an_exception_is_not_logged(
    kind: Callable[[str], Exception],
    status: int,
    spelling: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = f"failed with {SPELLINGS[spelling]()} at the store"
    assert log_in(monkeypatch, kind, text, "text") == status
    assert [leak for leak in leaks() if leak in caplog.text] == []
    assert "[password removed]" in caplog.text
    assert "at the store" in caplog.text


@pytest.mark.parametrize("how", ["cause", "context", "note"])
def test_password_in_a_chained_exception_is_not_logged(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert log_in(monkeypatch, ValueError, PASSWORD, how) == 500
    assert [leak for leak in leaks() if leak in caplog.text] == []
    assert "in authenticate" in caplog.text


def test_exception_without_the_password_is_logged_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert log_in(monkeypatch, KeyError, "a detail", "cause") == 500
    assert "KeyError: 'a detail'" in caplog.text
    assert "The above exception was the direct cause" in caplog.text
