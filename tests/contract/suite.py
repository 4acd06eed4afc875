"""The provider contract as tests, also for custom providers whose store has the users of tests/support/users.py."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, AuthProvider, Denied, SupportsFind
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE, SampleUser

EACH_SAMPLE_USER = pytest.mark.parametrize("person", SAMPLE_USERS, ids=lambda person: person.username)


def refused(answer: object, reason: str) -> bool:
    """Say whether nobody was proven, and for this reason if one is given."""
    return answer is None or (isinstance(answer, Denied) and answer.reason == reason)


class ProviderContract:
    """What every provider must do. Inherit this, and override the fixture."""

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls) -> AuthProvider:
        """Return a provider that knows PEOPLE and TWINS."""
        raise NotImplementedError

    @EACH_SAMPLE_USER
    def test_the_username_logs_in(self, provider: AuthProvider, person: SampleUser) -> None:
        user = provider.authenticate(person.username, person.password)
        assert user
        assert user["username"] == person.username
        assert user["email"] == person.email
        assert sorted(user["roles"]) == sorted(person.roles)
        assert set(user) == {"username", "email", "roles"}

    @EACH_SAMPLE_USER
    @pytest.mark.parametrize("spelling", [str.upper, str.lower, str.swapcase])
    def test_logins_have_no_case(self, provider: AuthProvider, person: SampleUser, spelling: type[str]) -> None:
        for login in (person.username, person.email):
            user = provider.authenticate(spelling(login), person.password)
            assert user
            assert user["username"] == person.username

    @EACH_SAMPLE_USER
    def test_a_wrong_password_proves_nobody(self, provider: AuthProvider, person: SampleUser) -> None:
        password = person.password
        others = {other.password for other in SAMPLE_USERS} - {password}
        close = {password + "x", password[:-1], password[:72], f" {password}", password.strip(), "*"}
        swapped = {password.swapcase()}
        for wrong in (others | close | swapped) - {password}:
            assert refused(provider.authenticate(person.username, wrong), WRONG_PASSWORD)

    @EACH_SAMPLE_USER
    def test_an_empty_password_proves_nobody(self, provider: AuthProvider, person: SampleUser) -> None:
        assert not provider.authenticate(person.username, "")

    @pytest.mark.parametrize(
        "login",
        ["nobody", "*", "zo*", "zoe@*", "*)(uid=*", "zoé)(uid=zoé", "' OR '1'='1", "zoé' --", "%", "zo_", "()"],
    )
    def test_an_unknown_login_proves_nobody(self, provider: AuthProvider, login: str) -> None:
        assert refused(provider.authenticate(login, ZOE.password), UNKNOWN_USER)

    def test_a_login_that_two_people_share_proves_nobody(self, provider: AuthProvider) -> None:
        assert refused(provider.authenticate("shared@example.org", SAME_EMAIL_USERS[0].password), AMBIGUOUS)
        assert refused(provider.authenticate("SHARED@example.org", SAME_EMAIL_USERS[0].password), AMBIGUOUS)
        assert provider.authenticate("first@example.org", SAME_EMAIL_USERS[0].password)
        assert provider.authenticate("second", SAME_EMAIL_USERS[1].password)

    def test_threads_do_not_mix_answers_up(self, provider: AuthProvider) -> None:
        def ask(number: int) -> bool:
            person = SAMPLE_USERS[number % len(SAMPLE_USERS)]
            if number % 3 == 0:
                return not provider.authenticate(person.username, "wrong")
            user = provider.authenticate(person.username, person.password)
            return user["username"] == person.username if user else False

        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(ask, range(64)))


class FindsContract(ProviderContract):
    """What a provider must do besides, if it has `find`."""

    @EACH_SAMPLE_USER
    def test_find_knows_the_username_alone(self, provider: AuthProvider, person: SampleUser) -> None:
        assert isinstance(provider, SupportsFind)
        user = provider.find(person.username.upper())
        assert user is not None
        assert user["username"] == person.username
        assert sorted(user["roles"]) == sorted(person.roles)
        assert provider.find(person.email) is None

    @pytest.mark.parametrize("username", ["nobody", "*", "zo*", "*)(uid=*", "' OR '1'='1"])
    def test_find_does_not_guess(self, provider: AuthProvider, username: str) -> None:
        assert isinstance(provider, SupportsFind)
        assert provider.find(username) is None
