"""The key folder: a key is next, then current, then retired, and a folder that says nonsense is refused."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
import time_machine

from services.keys import pem
from services.keys.directory import STATES, KeyDirectory, StoredKey, UnusableKeyDirectory

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
SINCE = "2026-01-01T00:00:00Z"


@pytest.fixture
def folder(tmp_path: Path) -> KeyDirectory:
    """A folder without keys."""
    (tmp_path / "keys").mkdir()
    return KeyDirectory(tmp_path / "keys")


def states(folder: KeyDirectory) -> dict[str, str]:
    """Return the state of each key."""
    return {one.key.id: one.state for one in folder.read()}


def the(state: str, folder: KeyDirectory) -> StoredKey:
    """Return the one key in this state."""
    (found,) = [one for one in folder.read() if one.state == state]
    return found


def bring(folder: KeyDirectory, name: str, mode: int = 0o600) -> str:
    """Put a key of somebody's own making there; returns its id."""
    path = folder.path / name
    path.write_bytes(pem.generate("EdDSA"))
    path.chmod(mode)
    return pem.parse(path.read_bytes(), name).id


def refusal(folder: KeyDirectory) -> str:
    """Return why the folder is refused."""
    with pytest.raises(UnusableKeyDirectory) as caught:
        folder.read()
    (line,) = caught.value.lines
    return line.removeprefix("SIGNING_KEYS_DIR cannot be used: ")


def test_an_empty_or_missing_folder_has_no_keys(folder: KeyDirectory) -> None:
    assert folder.read() == KeyDirectory(folder.path / "missing").read() == []


def test_a_key_that_is_alone_is_current(folder: KeyDirectory) -> None:
    brought = bring(folder, "ours.pem")
    assert states(folder) == {brought: "current"}


def test_a_key_goes_from_next_to_current_to_retired(folder: KeyDirectory) -> None:
    first, second = folder.add("ES256"), folder.add("EdDSA")
    assert (first.state, second.state) == ("current", "next")
    assert [one.key.algorithm for one in (first, second)] == ["ES256", "EdDSA"]
    folder.rotate(second)
    assert states(folder) == {first.key.id: "retired", second.key.id: "current"}
    third = folder.add("EdDSA")
    folder.rotate(third)
    expected = {third.key.id: "current", first.key.id: "retired", second.key.id: "retired"}
    assert states(folder) == expected
    folder.remove(next(one for one in folder.read() if one.key.id == first.key.id))
    assert states(folder) == {third.key.id: "current", second.key.id: "retired"}
    assert first.key.id not in (folder.path / STATES).read_text()


def test_a_key_is_known_to_be_in_its_state_since_then(folder: KeyDirectory) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        folder.add("EdDSA")
        folder.rotate(folder.add("EdDSA"))
        clock.shift(timedelta(hours=1))
        folder.rotate(folder.add("EdDSA"))
    assert [(one.state, one.since) for one in folder.read()] == [
        ("current", NOON + timedelta(hours=1)),
        ("retired", NOON),
        ("retired", NOON + timedelta(hours=1)),
    ]


def test_a_key_that_is_made_next_to_others_changes_none_of_them(folder: KeyDirectory) -> None:
    with time_machine.travel(NOON, tick=False):
        folder.add("EdDSA")
        folder.rotate(folder.add("EdDSA"))
    before = folder.read()
    folder.add("EdDSA")
    after = [(one.key.id, one.state, one.since) for one in folder.read() if one.state != "next"]
    assert after == [(one.key.id, one.state, one.since) for one in before]


def test_a_key_keeps_its_state_under_another_name(folder: KeyDirectory) -> None:
    folder.add("EdDSA")
    folder.rotate(folder.add("EdDSA"))
    before = states(folder)
    retired = the("retired", folder).path
    retired.rename(folder.path / "archive-2030.pem")
    assert states(folder) == before


def test_a_key_that_is_brought_is_next(folder: KeyDirectory) -> None:
    folder.add("EdDSA")
    folder.add("EdDSA")
    brought = bring(folder, "ours.pem")
    assert states(folder)[brought] == "next"


def test_only_we_can_read_what_is_written_and_nothing_else_is_left(folder: KeyDirectory) -> None:
    folder.add("EdDSA")
    folder.rotate(folder.add("EdDSA"))
    folder.remove(the("retired", folder))
    assert sorted(path.name for path in folder.path.iterdir()) == sorted(
        [f"{the('current', folder).key.id}.pem", STATES]
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()} == {0o600}
    assert folder.files() == sorted(folder.path.iterdir())


def test_several_keys_of_which_none_is_named_current_are_refused(folder: KeyDirectory) -> None:
    for name in ("a.pem", "b.pem"):
        bring(folder, name)
    assert refusal(folder).startswith("it has several keys, and no states.json that says which is current. Leave only ")


def test_several_may_make_keys_at_once(folder: KeyDirectory) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(folder.add, ["ES256"] * 8))
    assert sorted(one.state for one in folder.read()) == ["current", *["next"] * 7]


def test_a_key_that_is_there_twice_goes_with_both_files(folder: KeyDirectory) -> None:
    first = folder.add("ES256")
    folder.rotate(folder.add("ES256"))
    (folder.path / "copy.pem").write_bytes(first.path.read_bytes())
    (folder.path / "copy.pem").chmod(0o600)
    folder.remove(the("retired", folder))
    assert [one.state for one in folder.read()] == ["current"]


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
def test_junk_instead_of_states_is_refused(folder: KeyDirectory, text: bytes) -> None:
    key = bring(folder, "ours.pem")
    (folder.path / STATES).write_bytes(text.replace(b"KEY", key.encode()))
    assert refusal(folder) == "states.json cannot be read."


def test_a_folder_instead_of_states_is_refused(folder: KeyDirectory) -> None:
    bring(folder, "ours.pem")
    (folder.path / STATES).mkdir()
    assert refusal(folder) == "states.json cannot be read."


def test_states_that_name_a_missing_key_are_refused_if_it_is_the_current_one(folder: KeyDirectory) -> None:
    folder.add("EdDSA")
    folder.rotate(folder.add("EdDSA"))
    the("retired", folder).path.unlink()
    assert list(states(folder).values()) == ["current"]
    bring(folder, "ours.pem")
    the("current", folder).path.unlink()
    assert refusal(folder) == "the key that states.json calls current is missing."


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_one_loose_file_is_enough_to_refuse_the_folder(folder: KeyDirectory, mode: int) -> None:
    folder.add("EdDSA")
    bring(folder, "loose.pem", mode)
    assert refusal(folder).startswith("loose.pem can be read by others")


def test_one_file_that_is_no_key_is_enough_to_refuse_the_folder(folder: KeyDirectory) -> None:
    folder.add("EdDSA")
    (folder.path / "x.pem").mkdir()
    assert refusal(folder) == "x.pem cannot be read: Is a directory."
    (folder.path / "x.pem").rmdir()
    (folder.path / "x.txt").write_text("other files are nobody's business")
    assert len(folder.read()) == 1


def test_a_new_key_begins_anew_where_only_states_were_left(folder: KeyDirectory) -> None:
    folder.add("EdDSA")
    folder.rotate(folder.add("EdDSA"))
    for one in folder.read():
        one.path.unlink()
    assert folder.read() == []
    made = folder.add("EdDSA")
    assert states(folder) == {made.key.id: "current"}


def test_whoever_reads_while_keys_come_and_go_always_finds_a_current_one(folder: KeyDirectory) -> None:
    folder.add("EdDSA")
    done = Event()

    def reader() -> int:
        reads = 0
        while not done.is_set():
            assert [one.state for one in folder.read()].count("current") == 1
            reads += 1
        return reads

    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(reader) for _ in range(2)]
        try:
            for _ in range(100):
                folder.rotate(folder.add("EdDSA"))
                folder.remove(the("retired", folder))
        finally:
            done.set()
    assert all(one.result() > 0 for one in readers)
