"""Common behavior of all formats: encodings, memory use, secrets and file names."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from services.user_import.formats import FORMATS, guess_format
from services.user_import.formats.findings import Findings
from tests.support.user_file_formats import (
    HASH,
    read_entries,
    read_errors,
    read_users,
    unreadable_reason,
    write_rejected,
)

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
    """Return the content of a file with these users."""
    return HEAD[name] + BETWEEN[name].join(USER[name].format(name=user) for user in usernames) + TAIL[name]


NO_LINE, NO_OBJECT = "no line has a colon between a username and a hash", "no line is a JSON object"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("csv", "", "the file is empty"),
        ("csv", "\n\n", "the file is empty"),
        ("csv", USER["ldif"], "the first line does not name the columns, with commas, semicolons or tabs between them"),
        ("jsonl", "", NO_OBJECT),
        ("jsonl", "username,password_hash\nzoé,hash\n", NO_OBJECT),
        ("jsonl", '[\n"zoé",\n1\n]\n', NO_OBJECT),
        ("htpasswd", "", NO_LINE),
        ("htpasswd", "# a: comment\n\n", NO_LINE),
        ("htpasswd", "username,password_hash\nzoé,hash\n", NO_LINE),
        ("django", "", "the file is not a JSON array of objects"),
        ("django", '{"users": []}', "the file is not a JSON array of objects"),
        ("django", '[{"username": "zoé"}]', "object 1 is not from `dumpdata`: `model` or `fields` is missing"),
        (
            "django",
            '[{"model": "auth.group", "pk": 1, "fields": {}}]',
            "no object has a `model` that ends with `.user`",
        ),
        ("ldif", "", "no entry begins with `dn:`"),
        ("ldif", "version: 1\n\n# numResponses: 1\n", "no entry begins with `dn:`"),
        ("ldif", "username,password_hash\nzoé,hash\n", "no entry begins with `dn:`"),
        ("ldif", "uid: x\nuserPassword: hash\n", "no entry begins with `dn:`"),
        ("ldif", "dn: cn=x\nsAMAccountName: x\n", "no entry has `uid` or `userPassword`"),
    ],
)
def test_file_of_another_format_is_not_a_file_without_users(name: str, content: str, reason: str) -> None:
    assert unreadable_reason(name, content).startswith(reason)


@pytest.mark.parametrize(("name", "content"), [("csv", "username,password_hash\n"), ("django", "[]")])
def test_file_without_users_is_read(name: str, content: str) -> None:
    assert read_entries(name, content) == []


class StreamedFile(io.RawIOBase):
    """A file that is generated while it is read."""

    def __init__(self, parts: Iterator[str]) -> None:
        self._parts = parts
        self._buffered = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has a private type there
        self._buffered = self._buffered or next(filter(None, self._parts), "").encode()
        part, self._buffered = self._buffered[: len(buffer)], self._buffered[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def generate_parts(name: str, count: int) -> Iterator[str]:
    yield HEAD[name]
    for number in range(0, count, 100):
        user = USER[name].format(name=f"user{number}")
        yield (BETWEEN[name] if number else "") + BETWEEN[name].join([user] * 100)
    yield TAIL[name]


@every_format
def test_memory_does_not_grow_with_the_file(name: str) -> None:
    file = cast("BinaryIO", io.BufferedReader(StreamedFile(generate_parts(name, 30_000))))
    entries = FORMATS[name].read(file, Findings())
    tracemalloc.start()
    try:
        assert sum(1 for _ in entries) == 30_000
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


@every_format
def test_only_read_and_readline_of_the_file_are_called(name: str) -> None:
    class TwoMethods:
        def __init__(self, data: bytes) -> None:
            file = io.BytesIO(data)
            self.read: Callable[[int], bytes] = file.read
            self.readline: Callable[[int], bytes] = file.readline

    file = cast("BinaryIO", TwoMethods(file_of(name, "zoé").encode()))
    assert len(list(FORMATS[name].read(file, Findings()))) == 1


@every_format
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_byte_order_mark_and_crlf_are_accepted(name: str, mark: str, line_end: str) -> None:
    content = mark + file_of(name, "zoé", "日本 太郎").replace("\n", line_end)
    assert [user.username for user in read_users(name, content)] == ["zoé", "日本 太郎"]
    assert [user.password_hash for user in read_users(name, content)] == [HASH, HASH]


@every_format
def test_unicode_line_separator_does_not_end_a_line(name: str) -> None:
    assert [user.username for user in read_users(name, file_of(name, "a\u2028b\x85c"))] == ["a\u2028b\x85c"]


@every_format
def test_file_in_another_encoding_is_unreadable(name: str) -> None:
    assert unreadable_reason(name, file_of(name, "zoé").encode("latin-1")).partition(".")[0].endswith("is not UTF-8")
    for encoding in ("utf-16", "utf-16-be", "utf-16-le"):
        assert "it is UTF-16, not UTF-8. Save it as UTF-8. In Excel: " in unreadable_reason(
            name, file_of(name, "zoé").encode(encoding)
        )


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "django"])
@pytest.mark.parametrize("first", [1, 5000])
def test_error_names_the_line_that_is_not_utf_8(name: str, first: int) -> None:
    content = file_of(name, *["before"] * first).encode()
    line = content.count(b"\n") + 1
    assert unreadable_reason(name, content + b"\xff\nafter").startswith(f"line {line} is not UTF-8. Save it as UTF-8")


@every_format
def test_positions_increase_from_one(name: str) -> None:
    positions = [entry.position for entry in read_entries(name, file_of(name, *["zoé"] * 1000))]
    assert positions == sorted(set(positions))
    assert positions[0] >= 1


@every_format
def test_repr_of_an_entry_shows_no_hash(name: str) -> None:
    entries = read_entries(name, file_of(name, "zoé"))
    assert "zoé" in repr(entries[0].fields)
    assert HASH not in repr((entries, entries[0].fields))


@every_format
def test_reasons_in_any_script_are_written_and_ignored_when_read(name: str) -> None:
    reason = 'the name "zoé", of 日本, is taken: \\'
    again = write_rejected(name, file_of(name, "zoé"), reason)
    assert reason in again.replace('""', '"') or json.dumps(reason, ensure_ascii=False) in again
    assert read_errors(name, again) == []
    assert read_users(name, again) == read_users(name, file_of(name, "zoé"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("users.csv", "csv"),
        ("/a.b/USERS.CSV", "csv"),
        ("users.tsv", "csv"),
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
def test_format_is_guessed_from_the_file_name(path: str, name: str | None) -> None:
    assert guess_format(Path(path)) == name
    assert name is None or name in FORMATS
