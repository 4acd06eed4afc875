"""What is true of every format: text, memory, secrets and names of files."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from services.user_import.formats import FORMATS, format_of
from tests.support.user_file_formats import HASH, faults, read, refuse, unreadable, users

USER = {
    "csv": f'{{name}},"{HASH}"\n',
    "jsonl": f'{{{{"username": "{{name}}", "password_hash": "{HASH}"}}}}\n',
    "htpasswd": f"{{name}}:{HASH}\n",
    "django": f'{{{{"model": "auth.user", "fields": {{{{"username": "{{name}}", "password": "{HASH}"}}}}}}}}\n',
    "ldif": f"dn: uid=x\nuid: {{name}}\nuserPassword: {HASH}\n\n",
}
HEAD = dict.fromkeys(USER, "") | {"csv": "username,password_hash\n", "django": "["}
BETWEEN = dict.fromkeys(USER, "") | {"django": ","}
TAIL = dict.fromkeys(USER, "") | {"django": "]"}
every_format = pytest.mark.parametrize("name", FORMATS)


def file_of(name: str, *usernames: str) -> str:
    """Return a file with these users."""
    return HEAD[name] + BETWEEN[name].join(USER[name].format(name=user) for user in usernames) + TAIL[name]


class Streamed(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, parts: Iterator[str]) -> None:
        self._parts = parts
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has a private type there
        self._held = self._held or next(filter(None, self._parts), "").encode()
        taken, self._held = self._held[: len(buffer)], self._held[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def many(name: str, count: int) -> Iterator[str]:
    yield HEAD[name]
    for number in range(0, count, 100):
        user = USER[name].format(name=f"user{number}")
        yield (BETWEEN[name] if number else "") + BETWEEN[name].join([user] * 100)
    yield TAIL[name]


@every_format
def test_memory_does_not_grow_with_the_file(name: str) -> None:
    entries = FORMATS[name].read(cast("BinaryIO", io.BufferedReader(Streamed(many(name, 30_000)))))
    tracemalloc.start()
    try:
        assert sum(1 for _ in entries) == 30_000
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


@every_format
def test_only_two_ways_to_read_are_asked_for(name: str) -> None:
    class Counting:
        def __init__(self, octets: bytes) -> None:
            file = io.BytesIO(octets)
            self.read: Callable[[int], bytes] = file.read
            self.readline: Callable[[int], bytes] = file.readline

    file = cast("BinaryIO", Counting(file_of(name, "zoé").encode()))
    assert len(list(FORMATS[name].read(file))) == 1


@every_format
@pytest.mark.parametrize("before", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_both_ends_of_lines_are_fine(name: str, before: str, end: str) -> None:
    content = before + file_of(name, "zoé", "日本 太郎").replace("\n", end)
    assert [user.username for user in users(name, content)] == ["zoé", "日本 太郎"]
    assert [user.password_hash for user in users(name, content)] == [HASH, HASH]


@every_format
def test_a_separator_of_lines_in_unicode_separates_nothing(name: str) -> None:
    assert [user.username for user in users(name, file_of(name, "a\u2028b\x85c"))] == ["a\u2028b\x85c"]


@every_format
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_refused_whole(name: str, encoding: str) -> None:
    assert unreadable(name, file_of(name, "zoé").encode(encoding)).endswith("is not UTF-8")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "django"])
@pytest.mark.parametrize("first", [1, 5000])
def test_what_is_not_utf_8_is_told_by_its_line(name: str, first: int) -> None:
    content = file_of(name, *["before"] * first).encode()
    line = content.count(b"\n") + 1
    assert unreadable(name, content + b"\xff\nafter") == f"line {line} is not UTF-8"


@every_format
def test_places_only_grow(name: str) -> None:
    places = [entry.place for entry in read(name, file_of(name, *["zoé"] * 1000))]
    assert places == sorted(set(places))
    assert places[0] >= 1


@every_format
def test_nothing_shows_a_hash(name: str) -> None:
    entries = read(name, file_of(name, "zoé"))
    assert "zoé" in repr(entries[0].fields)
    assert HASH not in repr((entries, entries[0].fields))


@every_format
def test_reasons_in_any_script_go_beside_and_are_passed_over(name: str) -> None:
    reason = 'the name "zoé", of 日本, is taken: \\'
    again = refuse(name, file_of(name, "zoé"), reason)
    assert reason in again.replace('""', '"') or json.dumps(reason, ensure_ascii=False) in again
    assert faults(name, again) == []
    assert users(name, again) == users(name, file_of(name, "zoé"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("users.csv", "csv"),
        ("/a.b/USERS.CSV", "csv"),
        ("users.jsonl", "jsonl"),
        ("users.ndjson", "jsonl"),
        ("users.json", "django"),
        ("export.2026.ldif", "ldif"),
        ("site.htpasswd", "htpasswd"),
        ("/etc/apache2/.htpasswd", "htpasswd"),
        ("htpasswd", "htpasswd"),
        ("csv", None),
        ("users.csv.gz", None),
        ("users", None),
    ],
)
def test_a_name_of_a_file_tells_its_format(path: str, name: str | None) -> None:
    assert format_of(Path(path)) == name
    assert name is None or name in FORMATS
