"""A username belongs to the first provider that has it, at login and at refresh, even if the user there is disabled."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from providers.interface import UNKNOWN_USER, Denied
from tests.support.error_responses import error_message
from tests.support.sessions import Tokens, client_of, refresh, send_login, send_refresh, tokens_in
from tests.support.stores import user_table, users_file
from tests.support.users import ZOE, SampleUser

OTHER_ZOE = SampleUser("ZOÉ", "z@example.org", "the password in the table", ("admin",))
"""A user whose username is that of ZOE in another case."""
BY_EMAIL = SampleUser(OTHER_ZOE.email, "", OTHER_ZOE.password)
NOBODY = SampleUser("nobody", "nobody@example.org", "the password of nobody")


class UsersFile:
    """The users file of a chain `static,database`, whose table has OTHER_ZOE."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "users.toml"
        self.write(NOBODY)
        table = user_table(f"sqlite:///{folder}/users.db", [OTHER_ZOE])
        self.environ = {**table, **users_file(self._path, [NOBODY]), "AUTH_PROVIDER": "static,database"}

    def write(self, person: SampleUser, active: bool = True) -> None:
        users_file(self._path, [person])
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"active = {str(active).lower()}\n")


@pytest.fixture
def first(tmp_path: Path) -> UsersFile:
    return UsersFile(tmp_path)


def is_refused(client: FlaskClient, person: SampleUser) -> bool:
    return error_message(send_login(client, person), 400, "invalid_credentials") == "Invalid credentials"


@pytest.mark.parametrize("active", [True, False])
def test_user_of_the_first_provider_cannot_log_in_with_the_second(
    first: UsersFile, active: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first.write(ZOE, active)
    client = client_of(first.environ)
    assert is_refused(client, BY_EMAIL)
    assert "login_denied reason=shadowed" in caplog.text
    assert is_refused(client, OTHER_ZOE)


def test_email_in_the_first_provider_does_not_open_the_account_of_this_username_in_the_second(
    first: UsersFile, tmp_path: Path
) -> None:
    named_like_the_email = SampleUser(ZOE.email, "n@example.org", "the password of the namesake")
    table = user_table(f"sqlite:///{tmp_path}/namesakes.db", [named_like_the_email])
    for active in (True, False):
        first.write(ZOE, active)
        client = client_of({**first.environ, **table, "AUTH_PROVIDER": "static,database"})
        assert is_refused(client, named_like_the_email)


@pytest.mark.parametrize("active", [True, False])
def test_session_ends_when_an_earlier_provider_gets_the_username(
    first: UsersFile, active: bool, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(first.environ)
    tokens = refresh(client, tokens_in(send_login(client, BY_EMAIL)))
    first.write(ZOE, active)
    message = error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")
    assert message.endswith("the user no longer exists or is disabled")
    assert "the username 'ZO\\xc9' of database belongs to static" in caplog.text
    first.write(NOBODY)
    error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")


class Unsteady:
    """A provider without users, which is sometimes unavailable."""

    available = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> Denied:
        self.has_username(login)
        return Denied(UNKNOWN_USER)

    def has_username(self, username: str) -> bool:
        if not Unsteady.available:
            raise ConnectionError
        return False


@pytest.fixture
def outage() -> Iterator[None]:
    yield
    Unsteady.available = True


def session_behind_unsteady(first: UsersFile, skip: str) -> tuple[FlaskClient, Tokens]:
    """Return a client with a session of `database`, while the provider before it has just become unavailable."""
    name = f"{__name__}:Unsteady"
    client = client_of(first.environ, AUTH_PROVIDER=f"{name},database", AUTH_SKIP_UNAVAILABLE=skip and name)
    tokens = tokens_in(send_login(client, BY_EMAIL))
    Unsteady.available = False
    return client, tokens


@pytest.mark.usefixtures("outage")
def test_refresh_waits_for_an_earlier_provider_that_is_unavailable(first: UsersFile) -> None:
    client, tokens = session_behind_unsteady(first, skip="")
    error_message(send_refresh(client, tokens.refresh), 503, "provider_unavailable")
    error_message(send_login(client, BY_EMAIL), 503, "provider_unavailable")
    Unsteady.available = True
    refresh(client, tokens)


@pytest.mark.usefixtures("outage")
def test_refresh_skips_an_earlier_provider_as_a_login_does(first: UsersFile, caplog: pytest.LogCaptureFixture) -> None:
    client, tokens = session_behind_unsteady(first, skip="yes")
    refresh(client, tokens)
    assert "skipping a provider that is unavailable" in caplog.text
    tokens_in(send_login(client, BY_EMAIL))
