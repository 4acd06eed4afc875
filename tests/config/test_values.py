"""Texts and files that no setting accepts: marks and quotes of other programs, and files that are not regular."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from config.clients import OAuthSettings
from config.environment import read_environment
from config.errors import ConfigurationError
from config.keys import KeySettings
from config.section import Section
from config.service_settings import DatabaseSettings
from providers.ldap.settings import LdapSettings
from tests.support.stores import SECRET_KEY, services_of

LDAP = {"AUTH_PROVIDER": "ldap", "LDAP_URL": "ldap://127.0.0.1:9", "LDAP_BASE_DN": "dc=x", "LDAP_BIND_DN": "cn=x"}
PATHS: dict[str, Mapping[str, str]] = {
    "STATIC_USERS_FILE": {"AUTH_PROVIDER": "static"},
    "LDAP_ROLE_RULES_FILE": {**LDAP, "LDAP_BIND_PASSWORD": "x"},
    "LDAP_CA_FILE": {**LDAP, "LDAP_BIND_PASSWORD": "x"},
    "SIGNING_KEYS_DIR": {**LDAP, "LDAP_BIND_PASSWORD": "x"},
    "LDAP_BIND_PASSWORD_FILE": LDAP,
}
UNUSABLE_VALUES = {
    f"\ufeff{SECRET_KEY}": "begins with a byte order mark",
    f'"{SECRET_KEY}"': "has quotes around its value",
    f"'{SECRET_KEY}'\n": "has quotes around its value",
    f' "{SECRET_KEY}" ': "has quotes around its value",
    f"{SECRET_KEY}\0": "contains a control character",
    f"{SECRET_KEY}\x1b[0m": "contains a control character",
}


def problems(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        services_of(environ)
    return caught.value.lines


@pytest.mark.parametrize(("value", "found"), UNUSABLE_VALUES.items())
@pytest.mark.parametrize("in_a_file", [False, True], ids=["variable", "file"])
def test_mark_or_quote_does_not_become_part_of_a_secret(
    tmp_path: Path, static_environ: dict[str, str], value: str, found: str, in_a_file: bool
) -> None:
    (tmp_path / "key").write_bytes(value.encode())
    setting = {"SECRET_KEY_FILE": str(tmp_path / "key")} if in_a_file else {"SECRET_KEY": value}
    (line,) = problems({**static_environ, **setting})
    assert line.startswith(f"SECRET_KEY_FILE names a file that {found} (/" if in_a_file else f"SECRET_KEY {found}. ")
    assert SECRET_KEY not in line


@pytest.mark.parametrize("variable", ["JWT_ISSUER", "JWT_LIFETIME_MINUTES", "AUTH_PROVIDER", "STATIC_USERS_FILE"])
def test_quotes_become_part_of_no_setting(static_environ: dict[str, str], variable: str) -> None:
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY}
    (line,) = problems({**environ, variable: f'"{environ.get(variable, "60")}"'})
    assert line == f"{variable} has quotes around its value. Remove the quotes, which are not shell syntax there."


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_end_of_a_variable_is_not_part_of_its_value(ending: str) -> None:
    key = KeySettings.read({"SECRET_KEY": f"{SECRET_KEY}{ending}"}).key
    assert key
    assert key.get_secret_value() == SECRET_KEY


def test_byte_order_mark_hides_no_variable_of_the_development_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JWT_ISSUER", raising=False)
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfJWT_ISSUER=first\r\nJWT_AUDIENCE=second\r\n")
    environ = read_environment(tmp_path / ".env")
    assert (environ["JWT_ISSUER"], environ["JWT_AUDIENCE"]) == ("first", "second")


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def _large_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**30)


def _empty_file(path: Path) -> None:
    path.touch()


HOSTILE: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "dangling link": _dangling_link,
    "file of 1 GiB": _large_file,
    "missing file": Path.resolve,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "empty file": _empty_file,
}


@pytest.mark.parametrize("variable", PATHS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_start_neither_hangs_nor_crashes_with_a_path_of_another_kind(tmp_path: Path, variable: str, kind: str) -> None:
    HOSTILE[kind](tmp_path / "path")
    environ = {**PATHS[variable], variable: str(tmp_path / "path"), "SECRET_KEY": SECRET_KEY}
    subject = variable.removesuffix("_FILE") if kind == "empty file" else variable
    assert all(line.startswith(subject) for line in problems(environ))


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "empty file"])
def test_read_of_every_secret_neither_hangs_nor_crashes(tmp_path: Path, kind: str) -> None:
    HOSTILE[kind](tmp_path / "path")
    sections = [section for section in Section.__subclasses__() if any(map(section.is_secret, section.model_fields))]
    assert {KeySettings, OAuthSettings, DatabaseSettings, LdapSettings} <= {*sections}
    for section in sections:
        for field in filter(section.is_secret, section.model_fields):
            variable = section.variable(field)
            with pytest.raises(ConfigurationError) as caught:
                section.read({f"{variable}_FILE": str(tmp_path / "path")})
            assert f"{variable}_FILE names a file that " in str(caught.value)


@pytest.mark.parametrize("kind", ["FIFO", "dangling link", "file of 1 GiB", "device"])
def test_hostile_file_in_the_key_directory_is_named(tmp_path: Path, static_environ: dict[str, str], kind: str) -> None:
    HOSTILE[kind](tmp_path / "key.pem")
    (line,) = problems({**static_environ, "SIGNING_KEYS_DIR": str(tmp_path)})
    assert line.startswith("SIGNING_KEYS_DIR, key.pem ")
