"""The users file is read again when it changes. An invalid edit keeps the last valid version; a change is an event."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest

from app import create_app
from config.reloading import MAX_OUTAGE_SECONDS
from providers.interface import ProviderUnavailable
from providers.static.provider import StaticProvider
from tests.providers.static.test_users_file import MINIMAL_FILE
from tests.support.audit_events import events_in
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE, SampleUser

NEW = SampleUser("newcomer", "new@example.org", "the newcomer's password")


def accepts(provider: StaticProvider, person: SampleUser) -> bool:
    """Return whether the user can log in."""
    return bool(provider.authenticate(person.username, person.password))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a users file with Zoé."""
    users_file(tmp_path / "users.toml", [ZOE])
    return tmp_path / "users.toml"


def _in_place(path: Path) -> None:
    users_file(path, [NEW])


def _by_rename(path: Path) -> None:
    users_file(path.with_name("new.toml"), [NEW])
    path.with_name("new.toml").rename(path)


def _by_rename_with_the_same_time(path: Path) -> None:
    # Image builders and `cp -p` give all files the same time; here the size is the same, too.
    before = path.stat()
    twin = path.with_name("new.toml")
    users_file(twin, [NEW])
    twin.write_bytes(twin.read_bytes().rstrip(b"\n").ljust(before.st_size, b"\n"))
    os.utime(twin, ns=(before.st_atime_ns, before.st_mtime_ns))
    twin.rename(path)


@pytest.mark.parametrize("change", [_in_place, _by_rename, _by_rename_with_the_same_time])
def test_changed_file_is_read_again(path: Path, change: Callable[[Path], None]) -> None:
    provider = StaticProvider(path)
    assert accepts(provider, ZOE)
    change(path)
    assert accepts(provider, NEW)
    assert not accepts(provider, ZOE)
    assert provider.find("zoé") is None


def test_replaced_symlink_is_followed(tmp_path: Path) -> None:
    # Kubernetes updates a mounted secret in this way: it replaces a link in the path of the file.
    for name, person in (("old", ZOE), ("new", NEW)):
        (tmp_path / name).mkdir()
        users_file(tmp_path / name / "users.toml", [person])
    (tmp_path / "data").symlink_to("old")
    (tmp_path / "users.toml").symlink_to("data/users.toml")
    provider = StaticProvider(tmp_path / "users.toml")
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").rename(tmp_path / "data")
    assert accepts(provider, NEW)
    assert not accepts(provider, ZOE)


@pytest.mark.parametrize(
    "broken",
    ["hunter2 = [", f'{MINIMAL_FILE}password = "hunter2"', "", "[" * 5000, f"users = {'[' * 5000}", "users = 1"],
)
def test_invalid_edit_keeps_the_last_valid_version(path: Path, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    provider = StaticProvider(path)
    path.write_text(broken)
    assert accepts(provider, ZOE)
    assert accepts(provider, ZOE)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith(
        "the users file cannot be reloaded, so the last valid version stays in use: STATIC_USERS_FILE"
    )
    assert "hunter2" not in caplog.text
    users_file(path, [NEW])
    assert accepts(provider, NEW)


def test_users_of_a_deleted_file_cannot_log_in(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    provider = StaticProvider(path)
    path.unlink()
    calls: list[Callable[[], object]] = [
        lambda: accepts(provider, ZOE),
        lambda: provider.find(ZOE.username),
        lambda: provider.has_username(ZOE.username),
        lambda: provider.explain(ZOE.username),
        lambda: [*provider.list_users()],
        provider.list_roles,
    ]
    for call in calls:
        with pytest.raises(ProviderUnavailable, match="names a file that cannot be read: No such file or directory"):
            call()
    assert "the users file cannot be reloaded, so no version is in use: STATIC_USERS_FILE names" in caplog.text
    users_file(path, [NEW])
    assert accepts(provider, NEW)


def test_file_that_returns_unchanged_is_used_again(path: Path) -> None:
    provider = StaticProvider(path)
    path.rename(path.with_name("away"))
    with pytest.raises(ProviderUnavailable):
        provider.find(ZOE.username)
    path.with_name("away").rename(path)
    assert accepts(provider, ZOE)


def test_file_in_a_missing_directory_stays_in_use_for_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = StaticProvider(path)
    path.parent.rename(path.parent.with_name("away"))
    try:
        assert accepts(provider, ZOE)
        monkeypatch.setattr("config.reloading.monotonic", lambda: monotonic() + MAX_OUTAGE_SECONDS + 1)
        with pytest.raises(ProviderUnavailable, match="has not been accessible for 300 seconds"):
            provider.find(ZOE.username)
    finally:
        path.parent.with_name("away").rename(path.parent)
    assert accepts(provider, ZOE)


@pytest.mark.parametrize(("skipped", "status"), [("", 503), ("static", 200)])
def test_deleted_users_file_is_an_outage_of_its_provider_in_a_chain(
    path: Path, sqlite_environ: dict[str, str], skipped: str, status: int
) -> None:
    chain = {"AUTH_PROVIDER": "static,database", "AUTH_SKIP_UNAVAILABLE": skipped, "STATIC_USERS_FILE": str(path)}
    users_file(path, [NEW])
    client = create_app({**sqlite_environ, **chain, "SECRET_KEY": SECRET_KEY}).test_client()
    path.unlink()
    response = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password})
    assert response.status_code == status


def test_each_change_of_the_users_is_an_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "users.toml"
    users_file(path, [ZOE, NEW])
    provider = StaticProvider(path)
    both = path.read_text("utf-8")
    for text, details in [
        (both.replace("[[users]]", "[[users]]\nactive = false", 1), "~zoé"),
        (f"# a comment\n{both}", "~zoé"),
        (f"# another comment\n{both}", None),
        (MINIMAL_FILE, f"~zoé -{NEW.username}"),
        (None, "-zoé"),
        (None, None),
        (MINIMAL_FILE, "+zoé"),
        (f"{MINIMAL_FILE}invalid", None),
        (both, f"+{NEW.username} ~zoé"),
    ]:
        caplog.clear()
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, "utf-8")
        for _ in range(2):
            with suppress(ProviderUnavailable):
                provider.find("zoé")
        events = [(event["event"], event["provider"], event["details"]) for event in events_in(caplog)]
        assert events == ([("users_file_changed", "static", details)] if details else [])


def test_file_that_returns_unchanged_is_an_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "users.toml"
    users_file(path, [ZOE])
    provider = StaticProvider(path)
    path.rename(tmp_path / "away")
    with pytest.raises(ProviderUnavailable):
        provider.find("zoé")
    (tmp_path / "away").rename(path)
    assert provider.find("zoé")
    assert [event["details"] for event in events_in(caplog)] == ["-zoé", "+zoé"]
