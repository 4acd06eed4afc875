"""An explanation is what a login would come to, whatever stands in the chain."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, Denied, Explanation, ProviderUnavailable, User
from services.chain import Chain, Link
from services.diagnosis.comparison import CannotTell, Match, asking, compare, everybody, listing
from services.diagnosis.explain import explain_login

PASSWORD = "the right one"


class Store:
    """Knows some people by username and address; some are disabled, and it may be out."""

    def __init__(self, *people: tuple[str, str], disabled: frozenset[str] = frozenset(), out: bool = False) -> None:
        self._people = people
        self._disabled = disabled
        self._out = out

    def authenticate(self, login: str, password: str) -> User | Denied:
        told = self.explain(login)
        return told.user if told.user and password == PASSWORD else Denied(told.reason or "wrong_password")

    def explain(self, login: str) -> Explanation:
        self._reached()
        found = [person for person in self._people if login in person]
        if not found:
            return Explanation(None, UNKNOWN_USER)
        if len(found) > 1:
            return Explanation(None, AMBIGUOUS)
        username, email = found[0]
        if username in self._disabled:
            return Explanation(None, DISABLED)
        return Explanation(User(username=username, email=email, roles=[]))

    def find(self, username: str) -> User | None:
        self._reached()
        return next((user for user in self.list_users() if user["username"] == username), None)

    def list_users(self) -> Iterator[User]:
        self._reached()
        return (
            User(username=username, email=email, roles=[])
            for username, email in self._people
            if username not in self._disabled
        )

    def _reached(self) -> None:
        if self._out:
            raise ConnectionError


NAMES = ("anna", "bert")
SAMPLE_USERS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(("a@x", "b@x"))), max_size=2, unique_by=lambda person: person[0]
)
STORES = st.builds(
    lambda people, disabled, out: Store(*people, disabled=frozenset(disabled), out=out),
    SAMPLE_USERS,
    st.sets(st.sampled_from(NAMES), max_size=1),
    st.sampled_from((False, False, False, True)),
)
LINKS = st.lists(st.tuples(STORES, st.booleans()), min_size=1, max_size=3)


@example([(Store(("anna", "a@x")), False), (Store(("anna", "b@x")), False)], "b@x")
@given(LINKS, st.sampled_from((*NAMES, "a@x", "b@x")))
def test_it_says_what_the_right_password_does(links: list[tuple[Store, bool]], login: str) -> None:
    chain = Chain([Link(f"store {number}", store, skip) for number, (store, skip) in enumerate(links)])
    told = explain_login(chain, login)
    try:
        done = chain.authenticate(login, PASSWORD)
    except ProviderUnavailable:
        assert (told.identity, told.outage is not None) == (None, True)
        return
    assert told.outage is None
    assert told.identity == (done or None)
    assert told.reason == getattr(done, "reason", None)
    assert len(told.links) == len(links)


def test_a_provider_that_is_broken_is_not_asked() -> None:
    store = Store(("anna", "a@x"))
    told = explain_login(Chain([Link("first", store), Link("second", store)]), "anna", broken={"first"})
    assert [link.outcome for link in told.links] == ["out", "passed_over"]
    assert told.identity is None
    told = explain_login(Chain([Link("first", store, skip_unavailable=True), Link("second", store)]), "anna", {"first"})
    assert told.identity
    assert told.identity["idp"] == "second"


def test_one_by_one_and_by_the_list_are_the_same() -> None:
    now = Chain([Link("now", Store(("anna", "a@x"), ("bert", "b@x"), ("carl", "c@x")))])
    then = Store(("anna", "z@x"), ("bertha", "b@x"), ("dora", "d@x"))
    count: list[int] = []
    by_list = [*compare(everybody(now), listing("then", then, count.append))]
    one_by_one = [*compare(everybody(now), asking("then", then))]
    assert sum(count) == 3
    for changes in (by_list, one_by_one):
        assert [(change.match.by, change.outcome, bool(change.doubt)) for change in changes] == [
            ("username", "same", True),
            ("email", "same", True),
            (None, "locked_out", False),
        ]


def test_an_address_that_several_have_there_is_nobodys() -> None:
    now = Chain([Link("now", Store(("anna", "a@x")))])
    then = Store(("one", "a@x"), ("two", "a@x"))
    (change,) = compare(everybody(now), listing("then", then, lambda _: None))
    assert (change.match.user, change.match.reason) == (None, AMBIGUOUS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.diagnosis.comparison.REASONS", 0)
        (change,) = compare(everybody(now), listing("then", then, lambda _: None))
    assert change.match == Match(None, reason=None)


def test_who_is_disabled_there_is_told_from_who_is_not_there() -> None:
    now = Chain([Link("now", Store(("anna", "a@x"), ("bert", "b@x")))])
    then = Store(("anna", "a@x"), disabled=frozenset({"anna"}))
    changes = compare(everybody(now), listing("then", then, lambda _: None))
    assert [change.match.reason for change in changes] == [DISABLED, UNKNOWN_USER]


def test_only_a_store_that_can_list_is_compared() -> None:
    class Finding:
        def authenticate(self, login: str, password: str) -> None:
            return None

        def find(self, username: str) -> User | None:
            return User(username=username, email=None, roles=["x"]) if username == "anna" else None

    with pytest.raises(CannotTell, match="finding cannot list its users"):
        next(everybody(Chain([Link("finding", Finding())])))
    now = everybody(Chain([Link("now", Store(("anna", "a@x"), ("bert", "b@x")))]))
    changes = compare(now, listing("then", Finding(), lambda _: None))
    assert [(change.outcome, change.gains) for change in changes] == [("changed", ["x"]), ("locked_out", [])]
