"""Where keys come from: a secret and what it was before, or a folder that is followed as it changes."""

import logging
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigurationError
from config.keys import KeySettings
from config.service_settings import TokenSettings
from services.jwt_handler import InvalidToken
from services.keys import pem
from services.keys import sources as key_sources
from services.keys.directory import STATES, KeyDirectory, StoredKey
from services.keys.ring import KeySource
from services.tokens.issuer import TokenIssuer
from tests.servers.process import wait_until
from tests.support.stores import keys_of

NEW, OLD, OLDER = ("n" * 40, "o" * 40, "p4$$ ${HOME} 'quoted' = " * 2)


@pytest.fixture
def folder(tmp_path: Path) -> KeyDirectory:
    """A folder with a current key."""
    (tmp_path / "keys").mkdir()
    made = KeyDirectory(tmp_path / "keys")
    made.add("EdDSA")
    return made


def issuer(keys: KeySource | None = None, **environ: object) -> TokenIssuer:
    """Return what makes and reads tokens in this environment."""
    source = keys or keys_of({name: str(value) for name, value in environ.items()})
    return TokenIssuer(source, TokenSettings.read({}))


def takes(reader: TokenIssuer, maker: TokenIssuer) -> bool:
    """Say whether one takes the tokens of the other."""
    try:
        return bool(reader.decode(maker.generate({"username": "zoé"})))
    except InvalidToken:
        return False


def refusal(**environ: str) -> str:
    """Return the one line that refuses, once it is sure that no traceback has a value."""
    with pytest.raises(ConfigurationError) as caught:
        keys_of(environ)
    (line,) = caught.value.lines
    shown = "".join(traceback.format_exception(caught.value))
    assert [value for value in environ.values() if len(value) > 5 and value in shown] == []
    return line


def rotated(folder: KeyDirectory) -> StoredKey:
    """Make another key and let it sign."""
    made = folder.add("EdDSA")
    folder.rotate(made)
    return made


@pytest.mark.parametrize("text", [f"{OLD},{OLDER}", f"{OLD}\n{OLDER}", f",{OLDER},,{OLD},", f"{OLD}\r\n{OLDER}\r\n"])
@pytest.mark.parametrize("in_a_file", [False, True], ids=["variable", "file"])
def test_fallbacks_stand_between_commas_or_on_lines(tmp_path: Path, text: str, in_a_file: bool) -> None:
    (tmp_path / "old").write_bytes(text.encode())
    variable = {"SECRET_KEY_FALLBACKS_FILE": tmp_path / "old"} if in_a_file else {"SECRET_KEY_FALLBACKS": text}
    reader = issuer(SECRET_KEY=NEW, **variable)
    for old in (OLD, OLDER.strip()):
        assert takes(reader, issuer(SECRET_KEY=old))
        assert not takes(issuer(SECRET_KEY=old), reader)
    assert not takes(reader, issuer(SECRET_KEY="x" * 40))


@pytest.mark.parametrize("bad", ["hunter2", "k" * 31, "your-256-bit-secret-your-256-bit-secret", "MII" + "x" * 40])
def test_one_bad_fallback_is_refused_by_name(bad: str) -> None:
    told = refusal(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=f"{OLD},{bad}")
    assert told.startswith("SECRET_KEY_FALLBACKS cannot be used: it ")
    assert not any(secret in told for secret in (OLD, bad))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_key_for_a_folder_is_no_fallback(algorithm: str) -> None:
    key = pem.generate(algorithm).decode()
    assert refusal(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=key).startswith("SECRET_KEY_FALLBACKS cannot be used")


@pytest.mark.parametrize("misspelt", ["SECRET_KEY_FALLBACK", "KEY_FOLDERS", "KEY_FOLDER_FILE"])
def test_a_misspelt_variable_is_told(misspelt: str) -> None:
    assert refusal(SECRET_KEY=NEW, **{misspelt: "whatever"}).startswith(f"{misspelt} is no setting of ours. Write ")


def test_fallbacks_alone_do_not_sign() -> None:
    assert refusal(SECRET_KEY_FALLBACKS=OLD).startswith("SECRET_KEY is not set. Write at least 32 random bytes")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", r"it has no key\. Run: flask keys generate"),
        ("empty", r"it has no key\. Run: flask keys generate"),
        ("file", "Not a directory"),
    ],
)
def test_there_is_no_start_on_a_folder_without_keys(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=f"SIGNING_KEYS_DIR cannot be used: {why}"):
        keys_of({"SECRET_KEY": NEW, "SIGNING_KEYS_DIR": str(tmp_path / name)})


def test_a_bad_secret_and_a_bad_folder_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        keys_of({"SECRET_KEY": "short", "SECRET_KEY_FALLBACKS": "short", "KEY_FOLDERS": str(tmp_path)})
    assert [line.split()[0] for line in caught.value.lines] == ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "KEY_FOLDERS"]


def test_a_folder_beats_the_secret_which_still_verifies(folder: KeyDirectory) -> None:
    both = issuer(SIGNING_KEYS_DIR=folder.path, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=OLD)
    only_folder = issuer(SIGNING_KEYS_DIR=folder.path)
    assert takes(both, both)
    assert takes(only_folder, both)
    for secret in (NEW, OLD):
        assert takes(both, issuer(SECRET_KEY=secret))
        assert not takes(only_folder, issuer(SECRET_KEY=secret))
        assert not takes(issuer(SECRET_KEY=secret), both)


def test_the_keys_are_shown_nowhere(folder: KeyDirectory) -> None:
    environ = {"SIGNING_KEYS_DIR": str(folder.path), "SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": f"{OLD},{OLDER}"}
    source = keys_of(environ)
    ring = source.ring()
    things = (source, vars(source), ring, vars(ring), ring.current, folder.read(), KeySettings.read(environ))
    (private,) = folder.path.glob("*.pem")
    secrets = [NEW, OLD, OLDER.strip(), *private.read_text().splitlines()]
    assert [secret for secret in secrets for thing in things if secret in f"{thing!r} {thing}"] == []


def test_a_token_of_a_new_key_is_taken_at_once_and_the_key_signs_soon(folder: KeyDirectory) -> None:
    ours, theirs = issuer(SIGNING_KEYS_DIR=folder.path), keys_of({"SIGNING_KEYS_DIR": str(folder.path)})
    assert takes(ours, issuer(theirs))
    made = rotated(folder)
    assert takes(ours, issuer(SIGNING_KEYS_DIR=folder.path))
    wait_until(lambda: theirs.ring().current.id == made.key.id)


def test_between_two_looks_the_keys_are_the_same(folder: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sources, "CHECK_INTERVAL_SECONDS", 3600)
    source = keys_of({"SIGNING_KEYS_DIR": str(folder.path)})
    before = source.ring()
    made = rotated(folder)
    assert source.ring() is before
    assert source.ring(newest=True).current.id == made.key.id
    assert source.ring() is source.ring(newest=True)


def test_what_a_removed_key_signed_is_not_taken_any_more(folder: KeyDirectory) -> None:
    source = keys_of({"SIGNING_KEYS_DIR": str(folder.path)})
    reader = issuer(source)
    token = reader.generate({"username": "zoé"})
    rotated(folder)
    source.ring(newest=True)
    assert reader.decode(token)
    folder.remove(folder.read()[-1])
    source.ring(newest=True)
    with pytest.raises(InvalidToken, match="not issued by this service"):
        reader.decode(token)


def _vanish(path: Path) -> None:
    path.rename(path.with_name("gone"))


def _empty(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


def _loosen(path: Path) -> None:
    next(path.glob("*.pem")).chmod(0o644)


def _scribble(path: Path) -> None:
    (path / STATES).write_text("junk")


def _lose_the_current_key(path: Path) -> None:
    KeyDirectory(path).read()[0].path.unlink()


@pytest.mark.parametrize("breaks", [_vanish, _empty, _loosen, _scribble, _lose_the_current_key])
def test_a_folder_that_breaks_is_told_once_and_stays_as_it_last_was(
    folder: KeyDirectory, caplog: pytest.LogCaptureFixture, breaks: Callable[[Path], Any]
) -> None:
    rotated(folder)
    source = keys_of({"SIGNING_KEYS_DIR": str(folder.path)})
    before = source.ring()
    breaks(folder.path)
    assert [source.ring(newest=True) for _ in range(3)] == [before] * 3
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith(
        "SIGNING_KEYS_DIR cannot be reloaded, so the last valid version stays in use: SIGNING_KEYS_DIR "
    )
    assert takes(issuer(source), issuer(source))


def test_a_folder_that_comes_back_is_read_again(folder: KeyDirectory) -> None:
    source = keys_of({"SIGNING_KEYS_DIR": str(folder.path)})
    _vanish(folder.path)
    source.ring(newest=True)
    folder.path.mkdir()
    made = folder.add("ES256")
    assert source.ring(newest=True).current.id == made.key.id


def test_nobody_is_refused_in_the_moment_of_a_change(folder: KeyDirectory) -> None:
    source = keys_of({"SIGNING_KEYS_DIR": str(folder.path)})
    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            made = rotated(folder)
            asked = [threads.submit(lambda: source.ring(newest=True)) for _ in range(16)]
            assert [one.result().find(made.key.id) is None for one in asked] == [False] * 16
