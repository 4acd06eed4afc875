"""An explained login has the same result as the login itself, in any chain, and a username has one provider."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.interface import ProviderUnavailable
from services.chain import Chain
from services.diagnosis.explain import explain_login
from services.links import Link
from tests.services.diagnosis.stores import PASSWORD, Store

NAMES = ("anna", "bert")
USERS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(("a@x", "b@x"))), max_size=2, unique_by=lambda user: user[0]
)
STORES = st.builds(
    lambda users, disabled, unavailable: Store(*users, disabled=frozenset(disabled), unavailable=unavailable),
    USERS,
    st.sets(st.sampled_from(NAMES), max_size=1),
    st.sampled_from((False, False, False, True)),
)
LINKS = st.lists(st.tuples(STORES, st.booleans()), min_size=1, max_size=3)


@example([(Store(("anna", "a@x")), False), (Store(("anna", "b@x")), False)], "b@x")
@given(LINKS, st.sampled_from((*NAMES, "a@x", "b@x")))
def test_explanation_is_the_result_of_the_right_password(links: list[tuple[Store, bool]], login: str) -> None:
    chain = Chain([Link(f"store {number}", store, skip) for number, (store, skip) in enumerate(links)])
    explanation = explain_login(chain, login)
    try:
        answer = chain.authenticate(login, PASSWORD)
    except ProviderUnavailable:
        assert explanation.identity is None
        assert explanation.unavailable is not None
        return
    assert explanation.unavailable is None
    assert explanation.identity == (answer or None)
    assert explanation.reason == getattr(answer, "reason", None)
    assert len(explanation.results) == len(links)


@example([(Store(("anna", "a@x"), disabled=frozenset({"anna"})), False), (Store(("anna", "b@x")), False)], "b@x")
@given(LINKS, st.sampled_from((*NAMES, "a@x", "b@x")))
def test_accepted_username_is_in_no_earlier_provider(links: list[tuple[Store, bool]], login: str) -> None:
    chain = Chain([Link(f"store {number}", store, skip) for number, (store, skip) in enumerate(links)])
    try:
        user = chain.authenticate(login, PASSWORD)
        found = chain.find(user["idp"], user["username"]) if user else None
    except ProviderUnavailable:
        return
    assert found == (user or None)
    for link, (store, _) in zip(chain.links, links, strict=True):
        if not user or link.name == user["idp"]:
            return
        with suppress(ConnectionError):  # a provider that was skipped
            assert not store.has_username(user["username"])


def test_provider_with_a_failed_check_is_not_asked() -> None:
    store = Store(("anna", "a@x"))
    explanation = explain_login(Chain([Link("first", store), Link("second", store)]), "anna", failed={"first"})
    assert [result.outcome for result in explanation.results] == ["unavailable", "skipped"]
    assert explanation.identity is None
    skipping = Chain([Link("first", store, skip_unavailable=True), Link("second", store)])
    explanation = explain_login(skipping, "anna", failed={"first"})
    assert explanation.identity
    assert explanation.identity["idp"] == "second"


@pytest.mark.parametrize("skip", [False, True])
def test_outage_of_an_earlier_provider_that_is_asked_for_the_username_is_explained(skip: bool) -> None:
    class Unstable(Store):
        def has_username(self, username: str) -> bool:
            raise ConnectionError

    chain = Chain([Link("first", Unstable(), skip), Link("second", Store(("anna", "a@x")), skip)])
    explanation = explain_login(chain, "anna")
    assert explanation.identity is None
    assert explanation.unavailable
    assert str(explanation.unavailable) == "cannot decide, because first is unavailable: ConnectionError"
