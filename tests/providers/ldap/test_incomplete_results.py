"""A part of an answer is never "no", "none" or "unique": the rest is read, or the login is an error."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app
from providers.interface import ProviderUnavailable, RequestFailed
from providers.ldap.client import searches
from tests.servers.scripted_directory import Found, Search, running
from tests.support.directories import ldap_provider
from tests.support.limited_directory import (
    ADMIN_LIMIT,
    GROUPS,
    LIMIT,
    NO_EXTENSION,
    PASSWORD,
    REFERRAL,
    UNWILLING,
    Directory,
    entries,
    environ,
    group,
    log_in,
)
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SampleUser

SEARCHES_GROUPS = {"LDAP_GROUP_BASE_DN": GROUPS}


def of_groups(search: Search) -> bool:
    """Return whether this is a search for groups."""
    return search.base == GROUPS and search.scope == 2


def test_more_groups_than_one_answer_may_have_are_read_in_pages() -> None:
    def answer(search: Search, found: Found) -> Found:
        return Found(found.entries[:1000], LIMIT) if of_groups(search) and not search.page_size else found

    user = log_in(Directory(entries(1203), answer), **SEARCHES_GROUPS)
    assert user
    assert len(user["roles"]) == 1203


def limited_to(count: int, code: int) -> Callable[[Search, Found], Found]:
    """Return an answer with at most so many entries, in one page or several."""

    def answer(search: Search, found: Found) -> Found:
        if not of_groups(search):
            return found
        before = int(search.cookie or b"0")
        is_over = before + len(found.entries) > count
        return Found(found.entries[: count - before], code) if is_over else found

    return answer


@pytest.mark.parametrize(("code", "name"), [(LIMIT, "sizeLimitExceeded"), (ADMIN_LIMIT, "adminLimitExceeded")])
@pytest.mark.parametrize(("limit", "total"), [(1, 1), (499, 499), (500, 500), (999, 999)])
def test_groups_beyond_a_limit_are_an_error_that_names_it(code: int, name: str, limit: int, total: int) -> None:
    directory = Directory(entries(1203), limited_to(limit, code))
    with running(directory) as port, pytest.raises(RequestFailed, match=f"a limit of the server .{name}.") as raised:
        ldap_provider(environ(port, **SEARCHES_GROUPS)).authenticate("zoe", PASSWORD)
    assert f"{total} with all pages" in str(raised.value)


@pytest.mark.parametrize("code", [ADMIN_LIMIT, UNWILLING, NO_EXTENSION])
def test_groups_are_read_without_pages_if_the_server_refuses_pages(code: int) -> None:
    def answer(search: Search, found: Found) -> Found:
        return Found(code=code) if search.page_size else found

    user = log_in(Directory(entries(700), answer), **SEARCHES_GROUPS)
    assert user
    assert len(user["roles"]) == 700


@pytest.mark.parametrize("count", [499, 500, 501, 700])
def test_groups_are_complete_if_the_server_ignores_pages(count: int) -> None:
    def answer(search: Search, found: Found) -> Found:
        return (
            replace(Directory.search(plain, replace(search, page_size=0)), cookie=None) if search.page_size else found
        )

    plain = Directory(entries(count), lambda _, found: found)
    user = log_in(Directory(entries(count), answer), **SEARCHES_GROUPS)
    assert user
    assert len(user["roles"]) == count


@pytest.mark.parametrize("page", [b"", b"500"])
def test_page_without_a_cookie_is_not_the_last_one(page: bytes) -> None:
    # ApacheDS 2.0.0.AM26 answers like this if the client requests no attributes.
    def answer(search: Search, found: Found) -> Found:
        return replace(found, cookie=None) if search.page_size and search.cookie == page else found

    user = log_in(Directory(entries(1203), answer), **SEARCHES_GROUPS)
    assert user
    assert len(user["roles"]) == 1203


def test_pages_without_an_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MAX_PAGES", 20)

    def answer(search: Search, found: Found) -> Found:
        return replace(found, cookie=b"0") if search.page_size else found

    directory = Directory(entries(3), answer)
    with running(directory) as port, pytest.raises(RequestFailed, match="more than 20 pages"):
        ldap_provider(environ(port, **SEARCHES_GROUPS)).authenticate("zoe", PASSWORD)
    assert len([search for search in directory.searches if search.page_size]) == 20


def test_server_that_omits_entries_without_attributes_returns_all_groups() -> None:
    # The LDAP backend of GLAuth does so if a search requests the attribute 1.1.
    def answer(search: Search, found: Found) -> Found:
        return Found(cookie=found.cookie) if search.attributes == ("1.1",) else found

    directory = Directory(entries(2), answer)
    with running(directory) as port:
        roles = json.dumps({group(0): ["r0"], group(1): ["r1"]})
        provider = ldap_provider(environ(port, LDAP_ROLE_MAP=roles, **SEARCHES_GROUPS))
        user = provider.authenticate("zoe", PASSWORD)
        assert user
        assert user["roles"] == ["r0", "r1"]
        assert {check.step: check.outcome for check in provider.check()}["users"] == "ok"


def test_search_that_finds_nothing_may_be_answered_with_the_code_for_a_missing_base() -> None:
    def answer(search: Search, found: Found) -> Found:
        return found if found.entries or search.scope == 0 else Found(code=32)

    with running(Directory(entries(), answer)) as port:
        provider = ldap_provider(environ(port, **SEARCHES_GROUPS))
        denied, user = provider.authenticate("nobody", "x"), provider.authenticate("zoe", PASSWORD)
        assert (getattr(denied, "reason", None), user and user["roles"]) == ("unknown_user", [])
        assert provider.find("nobody") is None


def test_missing_base_is_an_error() -> None:
    with running(Directory(entries(), lambda _, found: found)) as port:
        for changed in ({"LDAP_BASE_DN": "ou=gone,dc=x"}, {"LDAP_GROUP_BASE_DN": "ou=gone,dc=x"}):
            with pytest.raises(RequestFailed, match="noSuchObject"):
                ldap_provider(environ(port, **changed)).authenticate("zoe", PASSWORD)


@pytest.mark.parametrize("found_before", [0, 1])
@pytest.mark.parametrize("code", [LIMIT, ADMIN_LIMIT])
def test_search_that_a_limit_ends_does_not_ask_the_next_provider(tmp_path: Path, found_before: int, code: int) -> None:
    def answer(search: Search, found: Found) -> Found:
        return Found(found.entries[:found_before], code) if search.scope == 2 else found

    other = SampleUser("zoe", "zoe@example.org", PASSWORD, ())
    with running(Directory(entries(), answer)) as port:
        chain = {"AUTH_PROVIDER": "ldap,static", "AUTH_SKIP_UNAVAILABLE": "ldap", "SECRET_KEY": SECRET_KEY}
        app = create_app({**users_file(tmp_path / "users.toml", [other]), **environ(port), **chain})
        response = app.test_client().post("/api/auth", json={"email": "zoe", "password": PASSWORD})
    assert response.status_code == 503


def ended_by(code: int) -> Callable[[Search, Found], Found]:
    """Return an answer whose entries are followed by an error."""
    return lambda search, found: replace(found, code=code) if search.scope == 2 else found


@pytest.mark.parametrize("code", [32, UNWILLING, REFERRAL])
def test_entries_before_an_error_are_not_the_whole_answer(code: int) -> None:
    with running(Directory(entries(), ended_by(code))) as port:
        provider = ldap_provider(environ(port))
        calls: list[Callable[[], object]] = [
            lambda: provider.authenticate("zoe", PASSWORD),
            lambda: provider.find("zoe"),
            lambda: provider.has_username("zoe"),
        ]
        for call in calls:
            with pytest.raises(RequestFailed, match="ended a search after 1 entries"):
                call()


@pytest.mark.parametrize("code", [32, 50])
def test_entries_before_an_error_do_not_show_that_a_username_is_unique(code: int) -> None:
    with pytest.raises(RequestFailed, match="ended a search after 1 entries"):
        log_in(Directory(entries(), ended_by(code)), LDAP_USER_DN_TEMPLATE="uid={login},ou=people,dc=x")


def test_group_on_another_server_is_an_error() -> None:
    def answer(search: Search, found: Found) -> Found:
        return Found(code=REFERRAL) if search.base == group("child") else found

    directory = Directory(entries(memberOf=[group("child")]), answer)
    with running(directory) as port:
        provider = ldap_provider(environ(port, LDAP_NESTED_GROUPS="true"))
        with pytest.raises(RequestFailed, match="referral"):
            provider.authenticate("zoe", PASSWORD)


def test_primary_group_that_is_not_found_is_an_error() -> None:
    sid = bytes.fromhex("01050000000000051500000001000000020000000300000064000000").decode("ascii")
    directory = Directory(entries(objectSid=[sid], primaryGroupID=["513"]), lambda _, found: found)
    with running(directory) as port:
        ad = {"LDAP_ACTIVE_DIRECTORY": "true", "LDAP_USERNAME_ATTRIBUTE": "uid", "LDAP_USER_FILTER": "(uid={login})"}
        with pytest.raises(RequestFailed, match="primary group"):
            ldap_provider(environ(port, **ad)).authenticate("zoe", PASSWORD)


@pytest.mark.parametrize(
    ("code", "accepted"), [(50, True), (32, True), (LIMIT, False), (ADMIN_LIMIT, False), (53, False)]
)
def test_user_is_unique_without_a_service_account_unless_the_search_was_ended(code: int, accepted: bool) -> None:
    def answer(search: Search, found: Found) -> Found:
        return Found(code=code) if search.scope == 2 and search.base == "ou=people,dc=x" else found

    template = {"LDAP_USER_DN_TEMPLATE": "uid={login},ou=people,dc=x"}
    if accepted:
        assert log_in(Directory(entries(), answer), **template)
    else:
        with pytest.raises(ProviderUnavailable):
            log_in(Directory(entries(), answer), **template)


def test_doctor_reports_the_parts_of_the_base_on_other_servers() -> None:
    urls = (
        "ldap://child.x/DC=child,ou=people,dc=x",
        "ldap://x/CN=Configuration,dc=x",
        "ldap://DomainDnsZones.x/DC=DomainDnsZones,dc=x",
        "ldap://ForestDnsZones.x/DC=ForestDnsZones,dc=x",
    )

    def answer(search: Search, found: Found) -> Found:
        return replace(found, references=urls) if search.scope == 2 else found

    with running(Directory(entries(), answer)) as port:
        provider = ldap_provider(environ(port, LDAP_ROLE_MAP=""))
        checks = [check for check in provider.check() if "other servers" in check.found]
    (check,) = checks
    assert (check.outcome, check.found) == ("warning", f"other servers have a part of it: {urls[0]}")


def test_doctor_compares_the_usernames_that_it_may_read() -> None:
    def answer(search: Search, found: Found) -> Found:
        return Found(found.entries[:1], LIMIT) if search.page_size else found

    content = {**entries(), "uid=yan,ou=people,dc=x": {"objectClass": ["person"], "uid": ["yan"]}}
    with running(Directory(content, answer)) as port:
        provider = ldap_provider(environ(port, LDAP_ROLE_MAP=""))
        (check,) = [check for check in provider.check() if check.step == "usernames"]
        with pytest.raises(RequestFailed, match="sizeLimitExceeded"):
            list(provider.list_users())
    assert check.outcome == "warning"
    assert check.found.startswith("no username occurs twice in the first 1 entries: a limit of the server")
    assert check.remedy == "Raise the size limit of an anonymous client on the server"
