"""The comparison of the users of a chain with those of another provider."""

import pytest

from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, ProviderUnavailable, User
from services.chain import Chain
from services.diagnosis.checks.usernames import check_usernames
from services.diagnosis.comparison import Match, MissingCapability, compare, list_matcher, list_users, lookup_matcher
from services.links import Link
from tests.services.diagnosis.stores import Store


def chain_of(*users: tuple[str, str]) -> Chain:
    return Chain([Link("current", Store(*users))])


def test_comparison_is_the_same_by_lookup_and_by_list() -> None:
    chain = chain_of(("anna", "a@x"), ("bert", "b@x"), ("carl", "c@x"))
    other = Store(("anna", "z@x"), ("bertha", "b@x"), ("dora", "d@x"))
    progress: list[int] = []
    by_list = [*compare(list_users(chain), list_matcher("other", other, progress.append))]
    by_lookup = [*compare(list_users(chain), lookup_matcher("other", other))]
    assert sum(progress) == 3
    for changes in (by_list, by_lookup):
        assert [(change.match.by, change.outcome, bool(change.note)) for change in changes] == [
            ("username", "same", True),
            ("email", "same", True),
            (None, "locked_out", False),
        ]


def test_email_that_several_users_share_matches_none_of_them() -> None:
    chain, other = chain_of(("anna", "a@x")), Store(("one", "a@x"), ("two", "a@x"))
    (change,) = compare(list_users(chain), list_matcher("other", other, lambda _: None))
    assert (change.match.user, change.match.reason) == (None, AMBIGUOUS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.diagnosis.comparison.MAX_EXPLAINED_ABSENCES", 0)
        (change,) = compare(list_users(chain), list_matcher("other", other, lambda _: None))
    assert change.match == Match(None, reason=None)


def test_disabled_user_and_unknown_user_have_different_reasons() -> None:
    chain = chain_of(("anna", "a@x"), ("bert", "b@x"))
    other = Store(("anna", "a@x"), disabled=frozenset({"anna"}))
    changes = compare(list_users(chain), list_matcher("other", other, lambda _: None))
    assert [change.match.reason for change in changes] == [DISABLED, UNKNOWN_USER]


def test_user_of_a_disabled_username_in_an_earlier_provider_is_not_listed() -> None:
    first, second = Store(("anna", "a@x"), disabled=frozenset({"anna"})), Store(("anna", "z@x"), ("bert", "b@x"))
    listed = list_users(Chain([Link("first", first), Link("second", second)]))
    assert [user["username"] for user in listed] == ["bert"]


def test_list_is_not_complete_while_an_earlier_provider_cannot_be_asked_for_a_username() -> None:
    class Unstable(Store):
        def has_username(self, username: str) -> bool:
            raise ConnectionError

    chain = Chain([Link("first", Unstable(), skip_unavailable=True), Link("second", Store(("anna", "a@x")))])
    with pytest.raises(ProviderUnavailable):
        list(list_users(chain))
    (check,) = check_usernames(chain)
    assert check.outcome == "warning"
    assert check.found == "not known for the users of second, because first is unavailable: ConnectionError"


def test_chain_whose_provider_cannot_list_users_is_not_compared() -> None:
    class FindOnly:
        def authenticate(self, login: str, password: str) -> None:
            return None

        def find(self, username: str) -> User | None:
            return User(username=username, email=None, roles=["x"]) if username == "anna" else None

    with pytest.raises(MissingCapability, match="current cannot list its users"):
        next(list_users(Chain([Link("current", FindOnly())])))
    users = list_users(chain_of(("anna", "a@x"), ("bert", "b@x")))
    changes = compare(users, list_matcher("other", FindOnly(), lambda _: None))
    assert [(change.outcome, change.gains) for change in changes] == [("changed", ["x"]), ("locked_out", [])]
