"""What is read again when its files change: once, by one, and for everybody who asks after the change."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from config.errors import ConfigurationError, Problem
from config.reloading import ReloadingFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a first version."""
    (tmp_path / "file").write_text("first")
    return tmp_path / "file"


def change(path: Path, text: str) -> None:
    """Put another version there, with the time of the one before."""
    before = path.stat()
    path.with_name("new").write_text(text)
    os.utime(path.with_name("new"), ns=(before.st_atime_ns, before.st_mtime_ns))
    path.with_name("new").rename(path)


def watch(path: Path, read: Callable[[], str] | None = None) -> ReloadingFile[str]:
    return ReloadingFile("the file", lambda: [path], read or path.read_text)


def test_it_is_read_once_for_each_version(path: Path) -> None:
    readings = []

    def read() -> str:
        readings.append(path.read_text())
        return readings[-1]

    watched = watch(path, read)
    assert [watched.current() for _ in range(3)] == ["first"] * 3
    change(path, "second")
    assert [watched.current() for _ in range(3)] == ["second"] * 3
    assert readings == ["first", "second"]


def test_nobody_who_asks_after_a_change_gets_what_was_before(path: Path) -> None:
    reading, go_on = Event(), Event()
    readings = []

    def read() -> str:
        text = path.read_text()
        readings.append(text)
        if text == "second":
            reading.set()
            assert go_on.wait(60)
        return text

    watched = watch(path, read)
    change(path, "second")
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(watched.current)
        assert reading.wait(60)
        others = [threads.submit(watched.current) for _ in range(3)]
        wait(others, timeout=0.3)  # they may wait for the reading, and not go away with the version before
        go_on.set()
        assert [one.result() for one in (first, *others)] == ["second"] * 4
    assert readings == ["first", "second"]


def test_a_file_more_or_less_is_a_change(tmp_path: Path) -> None:
    watched = ReloadingFile("the files", lambda: sorted(tmp_path.glob("*")), lambda: len(list(tmp_path.glob("*"))))
    seen = []
    for name in ("a", "b"):
        (tmp_path / name).touch()
        seen.append(watched.current())
        (tmp_path / name).chmod(0o600)
    (tmp_path / "a").unlink()
    assert [*seen, watched.current()] == [1, 2, 1]


def test_another_mode_is_a_change(path: Path) -> None:
    watched = ReloadingFile("the file", lambda: [path], lambda: path.stat().st_mode & 0o777)
    path.chmod(0o640)
    assert watched.current() == 0o640


def test_a_broken_version_is_told_once_and_the_last_good_one_stays(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def read() -> str:
        text = path.read_text()
        if "broken" in text:
            raise ConfigurationError([Problem("line 1", "is odd"), Problem("line 2", "is odd")])
        return text

    watched = watch(path, read)
    change(path, "broken")
    with caplog.at_level(logging.INFO):
        assert [watched.current() for _ in range(3)] == ["first"] * 3
        assert [record.getMessage() for record in caplog.records] == [
            "the file is kept as it last was: line 1 is odd. line 2 is odd."
        ]
        change(path, "second")
        assert watched.current() == "second"
    assert caplog.records[-1].getMessage() == "the file has changed and was read again"


def test_a_fault_at_the_start_is_raised(path: Path) -> None:
    def read() -> str:
        raise ConfigurationError([Problem("it", "is odd")])

    with pytest.raises(ConfigurationError):
        watch(path, read)


def test_a_fault_of_another_kind_passes_through(path: Path) -> None:
    watched = watch(path)
    change(path, "second")
    path.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        watched.current()
