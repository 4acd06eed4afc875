"""The sources of keys: a secret with its fallbacks, or a key directory that is reloaded."""

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
from services.keys import pem, reloading_directory
from services.keys.directory import STATES_FILE, KeyDirectory, StoredKey
from services.keys.ring import KeySource
from services.tokens.issuer import TokenIssuer
from tests.servers.process import wait_until
from tests.support.stores import keys_of

NEW = "n1Xw7TqZk4Bv9GsLr2Hy6DmPf8Jc3UaEo5Wi0Rtx"
OLD = "o6Yb3KuMh8Wz1VnQe5Ls9RdTg2Xf7CpAj4Gi0Hkq"
OLDER = "p4$$ ${HOME} 'quoted' = 8Zr and #Kq1x ''"


@pytest.fixture
def directory(tmp_path: Path) -> KeyDirectory:
    """A key directory with a current key."""
    (tmp_path / "keys").mkdir()
    directory = KeyDirectory(tmp_path / "keys")
    directory.add("EdDSA")
    return directory


def issuer(keys: KeySource | None = None, **environ: object) -> TokenIssuer:
    """Return an issuer in this environment."""
    source = keys or keys_of({name: str(value) for name, value in environ.items()})
    return TokenIssuer(source, TokenSettings.read({}))


def accepts(reader: TokenIssuer, signer: TokenIssuer) -> bool:
    """Return whether `reader` accepts the tokens of `signer`."""
    try:
        return bool(reader.decode(signer.generate({"username": "zoé"})))
    except InvalidToken:
        return False


def rejection(**environ: str) -> str:
    """Return the one problem. Neither the error nor its traceback contains a secret."""
    with pytest.raises(ConfigurationError) as caught:
        keys_of(environ)
    (line,) = caught.value.lines
    text = "".join(traceback.format_exception(caught.value))
    assert [value for value in environ.values() if len(value) > 5 and value in text] == []
    return line


def generate_and_rotate(directory: KeyDirectory) -> StoredKey:
    """Generate a key and make it the current one."""
    generated = directory.add("EdDSA")
    directory.rotate(generated)
    return generated


@pytest.mark.parametrize("text", [f"{OLD},{OLDER}", f"{OLD}\n{OLDER}", f",{OLDER},,{OLD},", f"{OLD}\r\n{OLDER}\r\n"])
@pytest.mark.parametrize("in_a_file", [False, True], ids=["variable", "file"])
def test_fallbacks_are_separated_by_a_comma_or_a_newline(tmp_path: Path, text: str, in_a_file: bool) -> None:
    (tmp_path / "old").write_bytes(text.encode())
    variable = {"SECRET_KEY_FALLBACKS_FILE": tmp_path / "old"} if in_a_file else {"SECRET_KEY_FALLBACKS": text}
    reader = issuer(SECRET_KEY=NEW, **variable)
    for old in (OLD, OLDER.strip()):
        assert accepts(reader, issuer(SECRET_KEY=old))
        assert not accepts(issuer(SECRET_KEY=old), reader)
    assert not accepts(reader, issuer(SECRET_KEY="p2Rm8LsXv5Jt0QyWd7Hb3NzKc9Gf6EuBa1Ti4Voj"))


@pytest.mark.parametrize("bad", ["hunter2", "k" * 31, "your-256-bit-secret-your-256-bit-secret", "MII" + "x" * 40])
def test_invalid_fallback_is_rejected_without_its_value(bad: str) -> None:
    line = rejection(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=f"{OLD},{bad}")
    assert line.startswith("SECRET_KEY_FALLBACKS, value ")
    assert not any(secret in line for secret in (OLD, bad))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_private_key_is_rejected_as_a_fallback(algorithm: str) -> None:
    key = pem.generate(algorithm).decode()
    assert rejection(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=key).startswith("SECRET_KEY_FALLBACKS, value ")


@pytest.mark.parametrize("misspelled", ["SECRET_KEY_FALLBACK", "SIGNING_KEY_DIR", "SIGNING_KEYS_DIR_FILE"])
def test_misspelled_variable_is_reported(misspelled: str) -> None:
    assert rejection(SECRET_KEY=NEW, **{misspelled: "a value"}).startswith(f"{misspelled} is not a setting")


@pytest.mark.parametrize("former", ["KEY_FOLDER", "KEY_FOLDER_FILE"])
def test_former_name_of_a_variable_is_reported(former: str) -> None:
    assert rejection(SECRET_KEY=NEW, **{former: "a value"}).startswith(f"{former} is now called SIGNING_KEYS_DIR. ")


def test_fallbacks_do_not_replace_the_secret_key() -> None:
    assert rejection(SECRET_KEY_FALLBACKS=OLD).startswith("SECRET_KEY is not set. Set it to at least 32 random bytes")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", r"names a directory that does not exist \(/.*/missing\)\. Correct the path"),
        ("empty", r"contains no key \(/.*/empty\)\. Run: flask keys generate"),
        ("file", "cannot be read: Not a directory"),
    ],
)
def test_service_does_not_start_without_keys(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=f"SIGNING_KEYS_DIR {why}"):
        keys_of({"SECRET_KEY": NEW, "SIGNING_KEYS_DIR": str(tmp_path / name)})


def test_all_invalid_settings_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        keys_of({"SECRET_KEY": "short", "SECRET_KEY_FALLBACKS": "short", "SIGNING_KEY_DIR": str(tmp_path)})
    assert [line.split()[0] for line in caught.value.lines] == [
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS,",
        "SIGNING_KEY_DIR",
    ]


def test_directory_signs_and_the_secret_still_verifies(directory: KeyDirectory) -> None:
    both = issuer(SIGNING_KEYS_DIR=directory.path, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=OLD)
    only_directory = issuer(SIGNING_KEYS_DIR=directory.path)
    assert accepts(both, both)
    assert accepts(only_directory, both)
    for secret in (NEW, OLD):
        assert accepts(both, issuer(SECRET_KEY=secret))
        assert not accepts(only_directory, issuer(SECRET_KEY=secret))
        assert not accepts(issuer(SECRET_KEY=secret), both)


def test_keys_appear_in_no_representation(directory: KeyDirectory) -> None:
    environ = {"SIGNING_KEYS_DIR": str(directory.path), "SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": f"{OLD},{OLDER}"}
    source = keys_of(environ)
    ring = source.ring()
    things = (source, vars(source), ring, vars(ring), ring.current, directory.read(), KeySettings.read(environ))
    (private,) = directory.path.glob("*.pem")
    secrets = [NEW, OLD, OLDER.strip(), *private.read_text().splitlines()]
    assert [secret for secret in secrets for thing in things if secret in f"{thing!r} {thing}"] == []


def test_new_key_verifies_immediately_and_signs_soon(directory: KeyDirectory) -> None:
    reader, source = issuer(SIGNING_KEYS_DIR=directory.path), keys_of({"SIGNING_KEYS_DIR": str(directory.path)})
    assert accepts(reader, issuer(source))
    generated = generate_and_rotate(directory)
    assert accepts(reader, issuer(SIGNING_KEYS_DIR=directory.path))
    wait_until(lambda: source.ring().current.id == generated.key.id)


def test_ring_is_the_same_object_between_two_checks(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading_directory, "CHECK_INTERVAL_SECONDS", 3600)
    source = keys_of({"SIGNING_KEYS_DIR": str(directory.path)})
    before = source.ring()
    generated = generate_and_rotate(directory)
    assert source.ring() is before
    assert source.ring(newest=True).current.id == generated.key.id
    assert source.ring() is source.ring(newest=True)


def test_token_of_a_removed_key_is_rejected(directory: KeyDirectory) -> None:
    source = keys_of({"SIGNING_KEYS_DIR": str(directory.path)})
    reader = issuer(source)
    token = reader.generate({"username": "zoé"})
    generate_and_rotate(directory)
    source.ring(newest=True)
    assert reader.decode(token)
    directory.remove(directory.read()[-1])
    source.ring(newest=True)
    with pytest.raises(InvalidToken, match="not issued by this service"):
        reader.decode(token)


def _move_away(path: Path) -> None:
    path.rename(path.with_name("moved"))


def _expose_a_key(path: Path) -> None:
    next(path.glob("*.pem")).chmod(0o644)


def _write_invalid_states(path: Path) -> None:
    (path / STATES_FILE).write_text("junk")


@pytest.mark.parametrize("breaks", [_move_away, _expose_a_key, _write_invalid_states])
def test_unusable_directory_is_logged_once_and_the_last_ring_stays_in_use(
    directory: KeyDirectory, caplog: pytest.LogCaptureFixture, breaks: Callable[[Path], Any]
) -> None:
    generate_and_rotate(directory)
    source = keys_of({"SIGNING_KEYS_DIR": str(directory.path)})
    before = source.ring()
    breaks(directory.path)
    assert [source.ring(newest=True) for _ in range(3)] == [before] * 3
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith(
        "SIGNING_KEYS_DIR cannot be reloaded, so the last valid version stays in use: SIGNING_KEYS_DIR"
    )
    assert accepts(issuer(source), issuer(source))


def test_directory_that_returns_is_reloaded(directory: KeyDirectory) -> None:
    source = keys_of({"SIGNING_KEYS_DIR": str(directory.path)})
    _move_away(directory.path)
    source.ring(newest=True)
    directory.path.mkdir()
    generated = directory.add("ES256")
    assert source.ring(newest=True).current.id == generated.key.id


def test_every_thread_sees_a_change(directory: KeyDirectory) -> None:
    source = keys_of({"SIGNING_KEYS_DIR": str(directory.path)})
    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            generated = generate_and_rotate(directory)
            rings = [threads.submit(lambda: source.ring(newest=True)) for _ in range(16)]
            assert [ring.result().find(generated.key.id) is None for ring in rings] == [False] * 16


def test_every_thread_accepts_tokens_of_a_new_key(directory: KeyDirectory) -> None:
    reader = issuer(SIGNING_KEYS_DIR=directory.path)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            generate_and_rotate(directory)
            token = issuer(SIGNING_KEYS_DIR=directory.path).generate({"username": "zoé"})
            claims = [threads.submit(reader.decode, token) for _ in range(16)]
            assert {one.result()["sub"] for one in claims} == {"zoé"}
