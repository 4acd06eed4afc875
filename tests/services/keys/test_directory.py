"""The key directory: a key is next, then current, then retired, and an inconsistent directory is rejected."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
import time_machine

from services.keys import pem
from services.keys.directory import STATES_FILE, KeyDirectory, MissingCurrentKey, StoredKey, UnusableKeyDirectory

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
SINCE = "2026-01-01T00:00:00Z"


@pytest.fixture
def directory(tmp_path: Path) -> KeyDirectory:
    """An empty key directory."""
    (tmp_path / "keys").mkdir()
    return KeyDirectory(tmp_path / "keys")


def states(directory: KeyDirectory) -> dict[str, str]:
    """Return the state of each key."""
    return {one.key.id: one.state for one in directory.read()}


def the(state: str, directory: KeyDirectory) -> StoredKey:
    """Return the one key in this state."""
    (found,) = [one for one in directory.read() if one.state == state]
    return found


def add_by_hand(directory: KeyDirectory, name: str, mode: int = 0o600) -> str:
    """Write a key file without `KeyDirectory.add`; return the id of the key."""
    path = directory.path / name
    path.write_bytes(pem.generate("EdDSA"))
    path.chmod(mode)
    return pem.parse(path.read_bytes(), name).id


def rejection(directory: KeyDirectory) -> str:
    """Return why the directory is rejected."""
    with pytest.raises(UnusableKeyDirectory) as caught:
        directory.read()
    (line,) = caught.value.lines
    return line


def test_empty_directory_has_no_keys_and_a_missing_one_is_an_error(directory: KeyDirectory) -> None:
    assert directory.read() == []
    missing = KeyDirectory(directory.path / "missing")
    assert rejection(missing).startswith(f"SIGNING_KEYS_DIR names a directory that does not exist ({missing.path}). ")


def test_directory_of_another_user_is_an_error_with_a_remedy(directory: KeyDirectory) -> None:
    directory.add("ES256")
    directory.path.chmod(0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(UnusableKeyDirectory, match=r"Permission denied .* Run as the user of the service"):
            directory.read()
    finally:
        os.seteuid(os.getuid())


def test_single_key_is_current(directory: KeyDirectory) -> None:
    added = add_by_hand(directory, "added.pem")
    assert states(directory) == {added: "current"}


def test_key_is_next_then_current_then_retired(directory: KeyDirectory) -> None:
    first, second = directory.add("ES256"), directory.add("EdDSA")
    assert (first.state, second.state) == ("current", "next")
    assert [one.key.algorithm for one in (first, second)] == ["ES256", "EdDSA"]
    directory.rotate(second)
    assert states(directory) == {first.key.id: "retired", second.key.id: "current"}
    third = directory.add("EdDSA")
    directory.rotate(third)
    expected = {third.key.id: "current", first.key.id: "retired", second.key.id: "retired"}
    assert states(directory) == expected
    directory.remove(next(one for one in directory.read() if one.key.id == first.key.id))
    assert states(directory) == {third.key.id: "current", second.key.id: "retired"}
    assert first.key.id not in (directory.path / STATES_FILE).read_text()


def test_key_has_the_time_since_when_it_is_in_its_state(directory: KeyDirectory) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        directory.add("EdDSA")
        directory.rotate(directory.add("EdDSA"))
        clock.shift(timedelta(hours=1))
        directory.rotate(directory.add("EdDSA"))
    assert [(one.state, one.since) for one in directory.read()] == [
        ("current", NOON + timedelta(hours=1)),
        ("retired", NOON),
        ("retired", NOON + timedelta(hours=1)),
    ]


def test_new_key_does_not_change_the_states_of_others(directory: KeyDirectory) -> None:
    with time_machine.travel(NOON, tick=False):
        directory.add("EdDSA")
        directory.rotate(directory.add("EdDSA"))
    before = directory.read()
    directory.add("EdDSA")
    after = [(one.key.id, one.state, one.since) for one in directory.read() if one.state != "next"]
    assert after == [(one.key.id, one.state, one.since) for one in before]


def test_renamed_file_keeps_the_state_of_its_key(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    directory.rotate(directory.add("EdDSA"))
    before = states(directory)
    retired = the("retired", directory).path
    retired.rename(directory.path / "archive-2030.pem")
    assert states(directory) == before


def test_key_added_by_hand_is_next(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    directory.add("EdDSA")
    added = add_by_hand(directory, "added.pem")
    assert states(directory)[added] == "next"


def test_files_are_readable_by_their_owner_only_and_no_others_remain(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    directory.rotate(directory.add("EdDSA"))
    directory.remove(the("retired", directory))
    assert sorted(path.name for path in directory.path.iterdir()) == sorted(
        [f"{the('current', directory).key.id}.pem", STATES_FILE]
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.path.iterdir()} == {0o600}
    assert directory.files() == sorted(directory.path.iterdir())


def test_several_keys_without_states_are_rejected(directory: KeyDirectory) -> None:
    for name in ("a.pem", "b.pem"):
        add_by_hand(directory, name)
    assert rejection(directory).startswith(
        "SIGNING_KEYS_DIR contains several keys, but no states.json that names the current one. Leave only "
    )


def test_keys_can_be_generated_concurrently(directory: KeyDirectory) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(directory.add, ["ES256"] * 8))
    assert sorted(one.state for one in directory.read()) == ["current", *["next"] * 7]


def test_removing_a_key_deletes_its_copies(directory: KeyDirectory) -> None:
    first = directory.add("ES256")
    directory.rotate(directory.add("ES256"))
    (directory.path / "copy.pem").write_bytes(first.path.read_bytes())
    (directory.path / "copy.pem").chmod(0o600)
    directory.remove(the("retired", directory))
    assert [one.state for one in directory.read()] == ["current"]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"junk", b"\xff\xfe", b"[]", b"{}", b'"x"', b"null", b"[" * 9999,
        *(json.dumps(states).encode() for states in (
            {"current": "KEY"}, {"since": SINCE}, {"current": None, "since": SINCE}, {"current": 5, "since": SINCE},
            {"current": "KEY", "since": "yesterday"}, {"current": "KEY", "since": "2026-01-01T00:00:00"},
            {"current": "KEY", "since": SINCE, "retired": ["KEY"]}, {"current": "KEY", "since": SINCE, "next": "KEY"},
            {"current": "KEY", "since": SINCE, "retired": {"x": "long ago"}},
        )),
    ],
)  # fmt: skip
def test_invalid_states_are_rejected(directory: KeyDirectory, text: bytes) -> None:
    key = add_by_hand(directory, "added.pem")
    (directory.path / STATES_FILE).write_bytes(text.replace(b"KEY", key.encode()))
    assert rejection(directory) == "SIGNING_KEYS_DIR, states.json is invalid."


def test_directory_in_place_of_states_is_rejected(directory: KeyDirectory) -> None:
    add_by_hand(directory, "added.pem")
    (directory.path / STATES_FILE).mkdir()
    assert rejection(directory) == "SIGNING_KEYS_DIR, states.json cannot be read: Is a directory."


def test_missing_key_is_rejected_only_if_it_is_current(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    directory.rotate(directory.add("EdDSA"))
    the("retired", directory).path.unlink()
    assert list(states(directory).values()) == ["current"]
    add_by_hand(directory, "added.pem")
    the("current", directory).path.unlink()
    assert rejection(directory) == (
        "SIGNING_KEYS_DIR, states.json names a current key that is missing, so no key signs. Run: flask keys rotate."
    )


def test_new_key_replaces_a_deleted_current_key(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    directory.rotate(directory.add("EdDSA"))
    the("current", directory).path.unlink()
    with pytest.raises(MissingCurrentKey, match="Run: flask keys generate"):
        directory.read()
    (retired,) = directory.read_remaining()
    added = directory.add("EdDSA")
    assert states(directory) == {added.key.id: "current", retired.key.id: "retired"}


def test_next_key_replaces_a_deleted_current_key(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    successor = directory.add("EdDSA")
    the("current", directory).path.unlink()
    directory.rotate(successor)
    assert states(directory) == {successor.key.id: "current"}


def test_retired_key_can_be_removed_without_a_current_key(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    directory.rotate(directory.add("EdDSA"))
    the("current", directory).path.unlink()
    (retired,) = directory.read_remaining()
    directory.remove(retired)
    assert directory.read() == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_one_exposed_key_makes_the_directory_unusable(directory: KeyDirectory, mode: int) -> None:
    directory.add("EdDSA")
    add_by_hand(directory, "exposed.pem", mode)
    assert rejection(directory).startswith("SIGNING_KEYS_DIR, exposed.pem can be read by other users. Run ")


def test_one_invalid_key_makes_the_directory_unusable(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    (directory.path / "x.pem").mkdir()
    assert rejection(directory) == "SIGNING_KEYS_DIR, x.pem cannot be read: Is a directory."
    (directory.path / "x.pem").rmdir()
    (directory.path / "x.txt").write_text("another file")
    assert len(directory.read()) == 1


def test_new_key_is_current_if_only_states_are_left(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    directory.rotate(directory.add("EdDSA"))
    for one in directory.read():
        one.path.unlink()
    assert directory.read() == []
    generated = directory.add("EdDSA")
    assert states(directory) == {generated.key.id: "current"}


def test_reader_always_finds_a_current_key_during_changes(directory: KeyDirectory) -> None:
    directory.add("EdDSA")
    done = Event()

    def reader() -> int:
        reads = 0
        while not done.is_set():
            assert [one.state for one in directory.read()].count("current") == 1
            reads += 1
        return reads

    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(reader) for _ in range(2)]
        try:
            for _ in range(100):
                directory.rotate(directory.add("EdDSA"))
                directory.remove(the("retired", directory))
        finally:
            done.set()
    assert all(one.result() > 0 for one in readers)
