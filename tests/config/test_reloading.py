"""Reloading of changed files: once for each change, and for every caller after the change."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from config.errors import ConfigurationError, Problem
from config.reloading import ReloadingFile, read_consistently


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a first version."""
    (tmp_path / "file").write_text("first")
    return tmp_path / "file"


def replace(path: Path, text: str) -> None:
    """Replace the file by another version that has the modification time of the one before."""
    before = path.stat()
    path.with_name("new").write_text(text)
    os.utime(path.with_name("new"), ns=(before.st_atime_ns, before.st_mtime_ns))
    path.with_name("new").rename(path)


def reloading(path: Path, read: Callable[[], str] | None = None, interval: float = 0.0) -> ReloadingFile[str]:
    return ReloadingFile("the file", lambda: [path], read or path.read_text, interval)


def test_each_version_is_read_once(path: Path) -> None:
    reads = []

    def read() -> str:
        reads.append(path.read_text())
        return reads[-1]

    file = reloading(path, read)
    assert [file.current() for _ in range(3)] == ["first"] * 3
    replace(path, "second")
    assert [file.current() for _ in range(3)] == ["second"] * 3
    assert reads == ["first", "second"]


def test_version_of_the_same_size_and_modification_time_is_a_change(path: Path) -> None:
    file, before = reloading(path), path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of a file system has ticks
        path.write_text("other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_mtime_ns, after.st_size, after.st_ino) == (before.st_mtime_ns, before.st_size, before.st_ino)
    assert file.current() == "other"


def test_file_that_is_being_written_is_not_read_in_part(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = iter(("one two ", "one two three"))
    file = reloading(path)
    monkeypatch.setattr("config.reloading.sleep", lambda _: path.write_text(next(parts, "one two three")))
    path.write_text("one ")
    assert file.current() == "one two three"


def test_file_that_changes_all_the_time_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.reloading.MAX_SETTLE_SECONDS", 0.0)
    file = reloading(path)
    replace(path, "second")
    assert file.current() == "second"


def test_after_a_change_no_thread_gets_the_previous_version(path: Path) -> None:
    reading, finish = Event(), Event()
    reads = []

    def read() -> str:
        text = path.read_text()
        reads.append(text)
        if text == "second":
            reading.set()
            assert finish.wait(60)
        return text

    file = reloading(path, read)
    replace(path, "second")
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(file.current)
        assert reading.wait(60)
        others = [threads.submit(file.current) for _ in range(3)]
        wait(others, timeout=0.3)  # they may wait for the first thread, but not return the previous version
        finish.set()
        assert [thread.result() for thread in (first, *others)] == ["second"] * 4
    assert reads == ["first", "second"]


def test_added_or_removed_file_is_a_change(tmp_path: Path) -> None:
    files = ReloadingFile("the files", lambda: sorted(tmp_path.glob("*")), lambda: len(list(tmp_path.glob("*"))))
    counts = []
    for name in ("a", "b"):
        (tmp_path / name).touch()
        counts.append(files.current())
        (tmp_path / name).chmod(0o600)
    (tmp_path / "a").unlink()
    assert [*counts, files.current()] == [1, 2, 1]


def test_other_permissions_are_a_change(path: Path) -> None:
    file = ReloadingFile("the file", lambda: [path], lambda: path.stat().st_mode & 0o777)
    path.chmod(0o640)
    assert file.current() == 0o640


def test_within_the_interval_only_the_newest_value_is_checked(path: Path) -> None:
    file = reloading(path, interval=3600)
    replace(path, "second")
    assert file.current() == "first"
    assert file.current(newest=True) == "second"
    assert file.current() == "second"


def test_after_the_interval_the_files_are_checked_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("config.reloading.monotonic", lambda: now)
    file = reloading(path, interval=10)
    replace(path, "second")
    now += 9.9
    assert file.current() == "first"
    now += 0.2
    assert file.current() == "second"
    replace(path, "third")
    assert file.current() == "second"


def test_invalid_version_is_logged_once_and_the_last_valid_one_stays_in_use(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def read() -> str:
        text = path.read_text()
        if "invalid" in text:
            raise ConfigurationError([Problem("line 1", "is odd"), Problem("line 2", "is odd")])
        return text

    file = reloading(path, read)
    replace(path, "invalid")
    with caplog.at_level(logging.INFO):
        assert [file.current() for _ in range(3)] == ["first"] * 3
        assert [record.getMessage() for record in caplog.records] == [
            "the file cannot be reloaded, so the last valid version stays in use: line 1 is odd. line 2 is odd."
        ]
        replace(path, "second")
        assert file.current() == "second"
    assert caplog.records[-1].getMessage() == "the file has changed and was reloaded"


def test_invalid_first_version_is_an_error(path: Path) -> None:
    def read() -> str:
        raise ConfigurationError([Problem("it", "is odd")])

    with pytest.raises(ConfigurationError):
        reloading(path, read)


def test_error_that_is_not_about_the_configuration_passes_through(path: Path) -> None:
    file = reloading(path)
    replace(path, "second")
    path.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        file.current()


@pytest.mark.parametrize("error", [OSError("gone"), ConfigurationError([Problem("it", "is odd")])])
def test_read_that_fails_during_a_change_is_repeated(path: Path, error: Exception) -> None:
    def read() -> str:
        text = path.read_text()
        if text == "first":
            replace(path, "second")
            raise error
        return text

    assert read_consistently(lambda: [path], read) == "second"


@pytest.mark.parametrize("error", [OSError("gone"), ConfigurationError([Problem("it", "is odd")])])
def test_read_that_fails_without_a_change_is_not_repeated(path: Path, error: Exception) -> None:
    reads = []

    def read() -> str:
        reads.append(path.read_text())
        raise error

    with pytest.raises(type(error)):
        read_consistently(lambda: [path], read)
    assert reads == ["first"]


def test_reload_that_fails_during_a_change_is_not_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def read() -> str:
        text = path.read_text()
        if text == "second":
            replace(path, "third")
            raise ConfigurationError([Problem("it", "is odd")])
        return text

    file = reloading(path, read)
    replace(path, "second")
    assert file.current() == "third"
    assert caplog.records == []
