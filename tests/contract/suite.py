"""The provider contract as tests, for the built-in providers and for custom ones.

To test a custom provider, inherit `ProviderContract`, or `SupportsFindContract` if it has `find`, or
`SupportsHasUsernameContract` if it has `has_username` as well. Override the fixtures that raise NotImplementedError.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.text import normalize_name
from providers.interface import (
    AMBIGUOUS,
    SESSION_MEMBERS,
    UNKNOWN_USER,
    WRONG_PASSWORD,
    AuthProvider,
    Denied,
    SupportsFind,
    SupportsHasUsername,
)
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE, SampleUser

EACH_SAMPLE_USER = pytest.mark.parametrize("sample", SAMPLE_USERS, ids=lambda sample: sample.username)


def is_denied(answer: object, reason: str) -> bool:
    """Return whether the answer denies the login. The reason is compared if the provider gives one."""
    return answer is None or (isinstance(answer, Denied) and answer.reason == reason)


class ProviderContract:
    """Tests that every provider has to pass."""

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls) -> AuthProvider:
        """Return a provider whose store has exactly the users SAMPLE_USERS and SAME_EMAIL_USERS."""
        raise NotImplementedError

    @EACH_SAMPLE_USER
    def test_username_and_password_are_accepted(self, provider: AuthProvider, sample: SampleUser) -> None:
        user = provider.authenticate(sample.username, sample.password)
        assert user
        assert user["username"] == sample.username
        assert user["email"] == sample.email
        assert sorted(user["roles"]) == sorted(sample.roles)
        assert set(user) - SESSION_MEMBERS == {"username", "email", "roles"}
        assert all(isinstance(user.get(name, "absent"), str) for name in SESSION_MEMBERS)

    @EACH_SAMPLE_USER
    def test_names_are_already_normalized(self, provider: AuthProvider, sample: SampleUser) -> None:
        user = provider.authenticate(sample.username, sample.password)
        assert user
        names = [user["username"], *user["roles"], *([user["email"]] if user["email"] else [])]
        assert [*map(normalize_name, names)] == names

    @EACH_SAMPLE_USER
    @pytest.mark.parametrize("change_case", [str.upper, str.lower, str.swapcase])
    def test_login_ignores_case(self, provider: AuthProvider, sample: SampleUser, change_case: type[str]) -> None:
        for login in (sample.username, sample.email):
            user = provider.authenticate(change_case(login), sample.password)
            assert user
            assert user["username"] == sample.username

    @EACH_SAMPLE_USER
    def test_wrong_password_is_denied(self, provider: AuthProvider, sample: SampleUser) -> None:
        password = sample.password
        others = {other.password for other in SAMPLE_USERS}
        similar = {password + "x", password[:-1], password[:72], f" {password}", password.strip(), "*"}
        for wrong in (others | similar | {password.swapcase()}) - {password}:
            assert is_denied(provider.authenticate(sample.username, wrong), WRONG_PASSWORD)

    @EACH_SAMPLE_USER
    def test_empty_password_is_denied(self, provider: AuthProvider, sample: SampleUser) -> None:
        assert not provider.authenticate(sample.username, "")

    @pytest.mark.parametrize(
        "login",
        ["nobody", "*", "zo*", "zoe@*", "*)(uid=*", "zoé)(uid=zoé", "' OR '1'='1", "zoé' --", "%", "zo_", "()"],
    )
    def test_unknown_login_is_denied(self, provider: AuthProvider, login: str) -> None:
        assert is_denied(provider.authenticate(login, ZOE.password), UNKNOWN_USER)

    def test_email_of_a_user_does_not_log_in_if_it_is_a_username(self, provider: AuthProvider) -> None:
        first, second = SAME_EMAIL_USERS
        for login in ("shared@example.org", "SHARED@example.org"):
            assert not provider.authenticate(login, second.password)
            user = provider.authenticate(login, first.password)
            assert (user and user["username"] == first.username) or is_denied(user, AMBIGUOUS)
        assert provider.authenticate(first.email, first.password)
        assert provider.authenticate(second.username, second.password)

    def test_concurrent_logins_get_their_own_answers(self, provider: AuthProvider) -> None:
        def is_right(number: int) -> bool:
            sample = SAMPLE_USERS[number % len(SAMPLE_USERS)]
            if number % 3 == 0:
                return not provider.authenticate(sample.username, "wrong")
            user = provider.authenticate(sample.username, sample.password)
            return user["username"] == sample.username if user else False

        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(is_right, range(64)))


class SupportsFindContract(ProviderContract):
    """Tests that a provider with `find` has to pass in addition."""

    @EACH_SAMPLE_USER
    def test_find_returns_the_user_by_username_but_not_by_email(
        self, provider: AuthProvider, sample: SampleUser
    ) -> None:
        assert isinstance(provider, SupportsFind)
        user = provider.find(sample.username.upper())
        assert user is not None
        assert user["username"] == sample.username
        assert sorted(user["roles"]) == sorted(sample.roles)
        assert provider.find(sample.email) is None

    @EACH_SAMPLE_USER
    def test_find_returns_the_record_id_and_credential_stamp_of_the_login(
        self, provider: AuthProvider, sample: SampleUser
    ) -> None:
        assert isinstance(provider, SupportsFind)
        user = provider.authenticate(sample.email, sample.password)
        assert user
        found = provider.find(sample.username)
        assert found
        for name in SESSION_MEMBERS:
            assert found.get(name) == user.get(name)

    @pytest.mark.parametrize("username", ["nobody", "*", "zo*", "*)(uid=*", "' OR '1'='1"])
    def test_find_returns_none_for_an_unknown_username(self, provider: AuthProvider, username: str) -> None:
        assert isinstance(provider, SupportsFind)
        assert provider.find(username) is None


class SupportsHasUsernameContract(SupportsFindContract):
    """Tests that a provider with `has_username` has to pass in addition. Its store has a disabled user as well."""

    @pytest.fixture(scope="class")
    @classmethod
    def disabled(cls) -> str:
        """Return the username of a user in the store who is disabled."""
        raise NotImplementedError

    @EACH_SAMPLE_USER
    @pytest.mark.parametrize("change_case", [str.upper, str.lower, str.swapcase])
    def test_has_username_ignores_case(
        self, provider: AuthProvider, sample: SampleUser, change_case: Callable[[str], str]
    ) -> None:
        assert isinstance(provider, SupportsHasUsername)
        assert provider.has_username(change_case(sample.username)) is True

    @EACH_SAMPLE_USER
    def test_has_username_is_false_for_an_email(self, provider: AuthProvider, sample: SampleUser) -> None:
        assert isinstance(provider, SupportsHasUsername)
        assert provider.has_username(sample.email) is False

    @pytest.mark.parametrize("username", ["nobody", "*", "zo*", "*)(uid=*", "' OR '1'='1"])
    def test_has_username_is_false_for_an_unknown_username(self, provider: AuthProvider, username: str) -> None:
        assert isinstance(provider, SupportsHasUsername)
        assert provider.has_username(username) is False

    def test_has_username_is_true_for_a_disabled_user(self, provider: AuthProvider, disabled: str) -> None:
        assert isinstance(provider, SupportsFind)
        assert provider.find(disabled) is None
        assert isinstance(provider, SupportsHasUsername)
        assert provider.has_username(disabled) is True
