"""The chain: who is asked, in which order, and whose a name is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from config.service_settings import TokenSettings
from providers.interface import SHADOWED, UNKNOWN_USER, WRONG_PASSWORD, Denied, ProviderUnavailable, User
from services.chain import Chain, Link
from services.tokens.issuer import TokenIssuer
from tests.support.stores import SECRET_KEY, keys_of, user_table, users_file
from tests.support.users import ZOE, SampleUser

KNOWN = {"username": "zoé", "email": None, "roles": ["user"]}


@dataclass
class Store:
    """A provider as somebody else would write it: it knows some people, and keeps a list of who was asked for."""

    people: dict[str, str] = field(default_factory=dict)
    answer: Any = None
    fault: Exception | None = None
    asked: list[str] = field(default_factory=list)
    username: str = ""

    def authenticate(self, login: str, password: str) -> Any:
        self.asked.append(login)
        if self.fault:
            raise self.fault
        if login not in self.people:
            return self.answer
        if password != self.people[login]:
            return Denied(WRONG_PASSWORD)
        return {"username": self.username or login, "email": None, "roles": ["user"]}


@dataclass
class FindingStore(Store):
    """The same with the capability to find."""

    find_fault: Exception | None = None

    def find(self, username: str) -> User | None:
        if self.find_fault:
            raise self.find_fault
        known = {self.username or login for login in self.people}
        return User(username=username, email=None, roles=[]) if username in known else None


def chain(*stores: Store, passed_over: str = "") -> Chain:
    """Return a chain of the stores, which are called a, b, c; an outage of those in `passed_over` asks the next."""
    return Chain([Link(name, store, name in passed_over) for name, store in zip("abc", stores, strict=False)])


def reason(answer: object) -> str:
    """Return why nobody was proven."""
    assert isinstance(answer, Denied), answer
    return answer.reason


def test_links_are_asked_in_order_and_the_first_that_proves_ends_it() -> None:
    stores = Store(), Store({"zoé": "right"}), Store({"zoé": "right"})
    answer = chain(*stores).authenticate("zoé", "right")
    assert answer == {**KNOWN, "idp": "b"}
    assert [store.asked for store in stores] == [["zoé"], ["zoé"], []]


@pytest.mark.parametrize("unknown", [None, Denied(UNKNOWN_USER)])
def test_an_unknown_name_is_passed_on(unknown: object) -> None:
    assert chain(Store(answer=unknown), Store({"zoé": "right"})).authenticate("zoé", "right")
    assert reason(chain(Store(answer=unknown), Store(answer=unknown)).authenticate("zoé", "x")) == UNKNOWN_USER


def test_a_name_belongs_to_the_first_that_knows_it() -> None:
    first, second = Store({"zoé": "of the first"}), Store({"zoé": "of the second"})
    assert reason(chain(first, second).authenticate("zoé", "of the second")) == WRONG_PASSWORD
    assert "zoé" not in second.asked


@pytest.mark.parametrize("why", [WRONG_PASSWORD, "ambiguous", "disabled", "a reason of its own"])
def test_after_a_refusal_the_later_links_are_asked_for_a_decoy_once(why: str) -> None:
    stores = Store(answer=Denied(UNKNOWN_USER)), Store(answer=Denied(why)), Store(), Store()
    links = Chain([Link(f"store{number}", store) for number, store in enumerate(stores)])
    assert reason(links.authenticate("zoé", "x")) == why
    assert [len(store.asked) for store in stores] == [1, 1, 1, 1]
    decoys = [store.asked[0] for store in stores[2:]]
    assert decoys[0] == decoys[1]
    assert decoys[0].startswith("decoy-")


@pytest.mark.parametrize("known", ["zoé", "nobody"])
@pytest.mark.parametrize("passed_over", ["", "b"])
def test_an_outage_does_not_tell_whom_the_others_know(known: str, passed_over: str) -> None:
    with pytest.raises(ProviderUnavailable):
        chain(Store({"zoé": "right"}), Store(fault=OSError()), passed_over=passed_over).authenticate(known, "x")


def test_a_username_that_an_earlier_link_finds_is_its_own() -> None:
    # The second would let in by address somebody who bears a username of the first.
    first, second = FindingStore({"admin": "secret"}), Store({"mallory@example.org": "hers"}, username="admin")
    third = Store()
    assert reason(chain(first, second, third).authenticate("mallory@example.org", "hers")) == SHADOWED
    assert [login.partition("-")[0] for login in third.asked] == ["decoy"]
    blind = Store({"admin": "secret"})
    assert chain(blind, second).authenticate("mallory@example.org", "hers")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (ProviderUnavailable("no answer"), "a: no answer"),
        (ProviderUnavailable(), "a: no reason given"),
        (ConnectionRefusedError("refused"), "a: ConnectionRefusedError"),
        (TimeoutError("slow"), "a: TimeoutError"),
    ],
)
def test_unavailable_provider_ends_the_login_and_is_named(fault: Exception, message: str) -> None:
    second = Store({"zoé": "right"})
    with pytest.raises(ProviderUnavailable) as caught:
        chain(Store(fault=fault), second).authenticate("zoé", "right")
    assert str(caught.value) == message
    assert second.asked == []


def test_an_outage_that_is_passed_over_asks_the_next() -> None:
    stores = Store(fault=ConnectionRefusedError()), Store({"zoé": "right"})
    assert chain(*stores, passed_over="a").authenticate("zoé", "right") == {**KNOWN, "idp": "b"}


@pytest.mark.parametrize(("login", "password"), [("zoé", "wrong"), ("nobody", "x")])
def test_an_outage_that_is_passed_over_is_no_refusal(login: str, password: str) -> None:
    with pytest.raises(ProviderUnavailable):
        chain(Store(fault=OSError()), Store({"zoé": "right"}), passed_over="a").authenticate(login, password)


def test_with_all_passed_over_nobody_is_refused() -> None:
    stores = Store(fault=ProviderUnavailable("out")), Store(fault=TimeoutError())
    with pytest.raises(ProviderUnavailable):
        chain(*stores, passed_over="ab").authenticate("zoé", "right")
    assert [store.asked for store in stores] == [["zoé"], ["zoé"]]


@pytest.mark.parametrize("fault", [ProviderUnavailable("out"), ConnectionResetError("reset")])
def test_an_outage_while_a_username_is_looked_up_is_an_outage(fault: Exception) -> None:
    with pytest.raises(ProviderUnavailable):
        chain(FindingStore(find_fault=fault), Store({"zoé": "right"})).authenticate("zoé", "right")


@pytest.mark.parametrize(
    ("answer", "member"),
    [
        ({**KNOWN, "username": 7}, "username"),
        ({**KNOWN, "username": ""}, "username"),
        ({**KNOWN, "username": "\0hunter2"}, "username"),
        ({**KNOWN, "username": "hunter2" * 50}, "username"),
        ({**KNOWN, "email": ["hunter2"]}, "email"),
        ({**KNOWN, "roles": "hunter2"}, "roles"),
        ({**KNOWN, "roles": ["user", b"hunter2"]}, "roles.1"),
        ({**KNOWN, "roles": [""]}, "roles.0"),
        ({}, "username, email, roles"),
        (False, "all of it"),
        (["hunter2"], "all of it"),
    ],
)
def test_an_answer_that_is_no_user_is_the_authors_fault(answer: object, member: str) -> None:
    with pytest.raises(TypeError, match=r"^the provider a answered .* wrong: ") as caught:
        chain(Store(answer=answer)).authenticate("zoé", "x")
    assert str(caught.value).endswith(f"wrong: {member}")
    assert "hunter2" not in str(caught.value)


def test_an_answer_is_nothing_but_a_user() -> None:
    more = {**KNOWN, "username": " zoe\u0301 ", "idp": "forged", "is_admin": True}
    assert chain(Store(answer=more)).authenticate("x", "x") == {**KNOWN, "idp": "a"}


@pytest.fixture
def two(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """An environment with Zoé in a file, and her and Yan in a table."""
    yan = SampleUser("yan", "yan@example.org", "the password of Yan")
    table = user_table(f"sqlite:///{tmp_path}/users.db", [SampleUser("Zoé", "z@example.org", "of the table"), yan])
    return lambda **more: {"SECRET_KEY": SECRET_KEY, **table, **users_file(tmp_path / "u.toml", [ZOE]), **more}


def login(environ: dict[str, str], email: str, password: str) -> tuple[int, str | None]:
    """Return the status of a login, and the provider that the token names."""
    answer = create_app(environ).test_client().post("/api/auth", json={"email": email, "password": password})
    token = answer.get_json().get("data")
    reader = TokenIssuer(keys_of(environ), TokenSettings.read({}))
    return answer.status_code, reader.decode(token)["idp"] if token else None


def test_real_stores_make_a_chain(two: Callable[..., dict[str, str]]) -> None:
    environ = two(AUTH_PROVIDER="static,database")
    assert login(environ, ZOE.email, ZOE.password) == (200, "static")
    assert login(environ, "yan", "the password of Yan") == (200, "database")
    assert login(environ, "zoé", "of the table") == (400, None)
    assert login(environ, "z@example.org", "of the table") == (400, None)
    assert login(two(AUTH_PROVIDER="database,static"), "z@example.org", "of the table") == (200, "database")


@pytest.mark.parametrize(("policy", "statuses"), [("", [503, 503, 503]), ("database", [200, 503, 503])])
def test_real_stores_break_as_they_are_told_to(
    two: Callable[..., dict[str, str]], tmp_path: Path, policy: str, statuses: list[int]
) -> None:
    environ = two(AUTH_PROVIDER="database,static", AUTH_SKIP_UNAVAILABLE=policy, DATABASE_URL=f"sqlite:///{tmp_path}")
    logins = [(ZOE.email, ZOE.password), (ZOE.email, "wrong"), ("nobody", "x")]
    assert [login(environ, *credentials)[0] for credentials in logins] == statuses
