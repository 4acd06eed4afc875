"""The chain: the order of the providers, and which of them decides a login."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from config.service_settings import TokenSettings
from providers.interface import (
    SHADOWED,
    UNKNOWN_USER,
    WRONG_PASSWORD,
    Denied,
    Overloaded,
    ProviderUnavailable,
    RequestFailed,
)
from services.chain import Chain
from services.links import Link
from services.provider_faults import ProviderFault
from services.tokens.issuer import TokenIssuer
from tests.support.descriptors import no_free_descriptors
from tests.support.scripted_stores import KNOWN, FindingStore, OwningStore, Store, chain, reason
from tests.support.stores import SECRET_KEY, keys_of, user_table, users_file
from tests.support.users import ZOE, SampleUser


def test_providers_are_asked_in_order_until_one_accepts_the_login() -> None:
    stores = Store(), Store({"zoé": "right"}), Store({"zoé": "right"})
    answer = chain(*stores).authenticate("zoé", "right")
    assert answer == {**KNOWN, "idp": "b"}
    assert [store.asked for store in stores] == [["zoé"], ["zoé"], []]


@pytest.mark.parametrize("unknown", [None, Denied(UNKNOWN_USER)])
def test_next_provider_is_asked_about_an_unknown_user(unknown: object) -> None:
    assert chain(Store(answer=unknown), Store({"zoé": "right"})).authenticate("zoé", "right")
    assert reason(chain(Store(answer=unknown), Store(answer=unknown)).authenticate("zoé", "x")) == UNKNOWN_USER


def test_first_provider_that_knows_the_user_decides() -> None:
    first, second = Store({"zoé": "first password"}), Store({"zoé": "second password"})
    assert reason(chain(first, second).authenticate("zoé", "second password")) == WRONG_PASSWORD
    assert "zoé" not in second.asked


@pytest.mark.parametrize("why", [WRONG_PASSWORD, "ambiguous", "disabled", "a_custom_reason"])
def test_later_providers_are_asked_once_about_a_decoy_after_a_denial(why: str) -> None:
    stores = Store(answer=Denied(UNKNOWN_USER)), Store(answer=Denied(why)), Store(), Store()
    links = Chain([Link(f"store{number}", store) for number, store in enumerate(stores)])
    assert reason(links.authenticate("zoé", "x")) == why
    assert [len(store.asked) for store in stores] == [1, 1, 1, 1]
    decoys = [store.asked[0] for store in stores[2:]]
    assert decoys[0] == decoys[1]
    assert decoys[0].startswith("decoy-")


def test_later_provider_is_asked_about_the_same_decoy_each_time() -> None:
    """Unknown logins take the same time at each attempt, so known ones must, too."""
    later = Store()
    for login in ("zoé", "ZOÉ", "mia", "zoé"):
        chain(Store(answer=Denied(WRONG_PASSWORD)), later).authenticate(login, "x")
    assert later.asked[0] == later.asked[1] == later.asked[3] != later.asked[2]


@pytest.mark.parametrize("login", ["zoé", "unknown"])
@pytest.mark.parametrize("skip", ["", "b"])
def test_outage_does_not_reveal_which_users_the_other_providers_know(login: str, skip: str) -> None:
    with pytest.raises(ProviderUnavailable):
        chain(Store({"zoé": "right"}), Store(fault=OSError()), skip=skip).authenticate(login, "x")


def test_user_is_shadowed_by_an_earlier_provider_with_the_same_username() -> None:
    # The second provider would accept the email of a user whose username exists in the first.
    first, second = FindingStore({"admin": "secret"}), Store({"mallory@example.org": "hers"}, username="admin")
    third = Store()
    assert reason(chain(first, second, third).authenticate("mallory@example.org", "hers")) == SHADOWED
    assert [login.partition("-")[0] for login in third.asked] == ["decoy"]
    without_find = Store({"admin": "secret"})
    assert chain(without_find, second).authenticate("mallory@example.org", "hers")


def test_user_is_shadowed_by_a_disabled_user_of_an_earlier_provider() -> None:
    first, second = OwningStore(disabled=("zoé",)), Store({"zoe@example.org": "hers"}, username="zoé")
    assert reason(chain(first, second).authenticate("zoe@example.org", "hers")) == SHADOWED


def test_unclear_answer_about_a_username_is_an_error_and_not_a_login() -> None:
    class Unclear(Store):
        def has_username(self, username: str) -> Any:
            return None

    with pytest.raises(
        ProviderFault, match=r"the provider a \(.*Unclear\) returned neither True nor False from has_us"
    ):
        chain(Unclear(), Store({"zoé": "right"})).authenticate("zoé", "right")


def test_users_of_a_later_provider_are_not_shadowed_by_others() -> None:
    first, second = OwningStore({"mallory": "x"}, disabled=("yan",)), Store({"zoe@example.org": "hers"}, username="zoé")
    assert chain(first, second).authenticate("zoe@example.org", "hers") == {**KNOWN, "idp": "b"}


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


def test_next_provider_is_asked_if_an_unavailable_one_may_be_skipped() -> None:
    stores = Store(fault=ConnectionRefusedError()), Store({"zoé": "right"})
    assert chain(*stores, skip="a").authenticate("zoé", "right") == {**KNOWN, "idp": "b"}


NOT_AN_OUTAGE = [
    (RequestFailed("damaged"), RequestFailed, "a: damaged"),
    (Overloaded("busy"), Overloaded, "busy"),
]


@pytest.mark.parametrize(("fault", "raised", "message"), NOT_AN_OUTAGE)
def test_fault_of_one_login_does_not_skip_the_provider(fault: Exception, raised: type[Exception], message: str) -> None:
    first, second = OwningStore(fault=fault, ownership_fault=fault), Store({"zoé": "right"})
    with pytest.raises(raised) as caught:
        chain(first, second, skip="ab").authenticate("zoé", "right")
    assert str(caught.value) == message
    assert second.asked == []


@pytest.mark.parametrize(("fault", "raised", "message"), NOT_AN_OUTAGE)
def test_fault_of_one_refresh_does_not_hide_the_owner_of_a_username(
    fault: Exception, raised: type[Exception], message: str
) -> None:
    links = chain(OwningStore(ownership_fault=fault), FindingStore({"zoé": "right"}), skip="ab")
    with pytest.raises(raised) as caught:
        links.find("b", "zoé")
    assert str(caught.value) == message


@pytest.mark.parametrize("fault", [OSError(), ProviderUnavailable("unable to open database file")])
def test_too_many_open_files_do_not_skip_a_provider(fault: Exception) -> None:
    links = chain(Store(fault=fault), Store({"zoé": "right"}), skip="a")
    with no_free_descriptors(), pytest.raises(Overloaded):
        links.authenticate("zoé", "right")
    assert links.authenticate("zoé", "right")


@pytest.mark.parametrize(("login", "password"), [("zoé", "wrong"), ("unknown", "x")])
def test_login_is_not_denied_while_a_skipped_provider_is_unavailable(login: str, password: str) -> None:
    with pytest.raises(ProviderUnavailable):
        chain(Store(fault=OSError()), Store({"zoé": "right"}), skip="a").authenticate(login, password)


def test_login_is_not_denied_if_all_providers_are_skipped() -> None:
    stores = Store(fault=ProviderUnavailable("no answer")), Store(fault=TimeoutError())
    with pytest.raises(ProviderUnavailable):
        chain(*stores, skip="ab").authenticate("zoé", "right")
    assert [store.asked for store in stores] == [["zoé"], ["zoé"]]


@pytest.mark.parametrize("fault", [ProviderUnavailable("no answer"), ConnectionResetError("reset")])
@pytest.mark.parametrize("skip", ["", "a", "b", "ab"])
def test_outage_while_an_earlier_provider_is_asked_for_the_username_ends_the_login(fault: Exception, skip: str) -> None:
    stores = FindingStore(find_fault=fault), Store({"zoé": "right"}), Store({"zoé": "right"})
    with pytest.raises(ProviderUnavailable, match=r"^a: "):
        chain(*stores, skip=skip).authenticate("zoé", "right")


@pytest.fixture
def two(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Return an environment with Zoé in a users file, and another Zoé and Yan in a user table."""
    yan = SampleUser("yan", "yan@example.org", "the password of Yan")
    table = user_table(
        f"sqlite:///{tmp_path}/users.db", [SampleUser("Zoé", "z@example.org", "the password in the user table"), yan]
    )
    return lambda **more: {"SECRET_KEY": SECRET_KEY, **table, **users_file(tmp_path / "u.toml", [ZOE]), **more}


def login(environ: dict[str, str], email: str, password: str) -> tuple[int, str | None]:
    """Return the status of a login, and the provider that its token names."""
    answer = create_app(environ).test_client().post("/api/auth", json={"email": email, "password": password})
    token = answer.get_json().get("data")
    reader = TokenIssuer(keys_of(environ), TokenSettings.read({}))
    return answer.status_code, reader.decode(token)["idp"] if token else None


def test_chain_of_real_stores(two: Callable[..., dict[str, str]]) -> None:
    environ = two(AUTH_PROVIDER="static,database")
    assert login(environ, ZOE.email, ZOE.password) == (200, "static")
    assert login(environ, "yan", "the password of Yan") == (200, "database")
    assert login(environ, "zoé", "the password in the user table") == (400, None)
    assert login(environ, "z@example.org", "the password in the user table") == (400, None)
    assert login(two(AUTH_PROVIDER="database,static"), "z@example.org", "the password in the user table") == (
        200,
        "database",
    )


@pytest.mark.parametrize(("policy", "statuses"), [("", [503, 503, 503]), ("database", [200, 503, 503])])
def test_skip_policy_of_real_stores(
    two: Callable[..., dict[str, str]], tmp_path: Path, policy: str, statuses: list[int]
) -> None:
    missing = f"sqlite:///{tmp_path}/missing.db"
    environ = two(AUTH_PROVIDER="database,static", AUTH_SKIP_UNAVAILABLE=policy, DATABASE_URL=missing)
    logins = [(ZOE.email, ZOE.password), (ZOE.email, "wrong"), ("unknown", "x")]
    assert [login(environ, *credentials)[0] for credentials in logins] == statuses
