"""Every fault of a configuration is told at once, by the name of its variable and never by its value."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app import create_app
from config.errors import ConfigurationError
from config.keys import KeySettings
from config.service_settings import ServerSettings
from tests.support.stores import SECRET_KEY, services_of

BUILDERS = pytest.mark.parametrize("build", [services_of, create_app])


def problems(environ: dict[str, str], build: Callable[[dict[str, str]], object] = services_of) -> list[str]:
    """Return what is wrong, once it is sure that no value is told."""
    with pytest.raises(ConfigurationError) as caught:
        build(environ)
    for value in environ.values():
        assert len(value) < 6 or value not in str(caught.value)
    return caught.value.lines


def named(lines: list[str]) -> list[str]:
    """Return the variables that the lines begin with."""
    return sorted(line.partition(" ")[0] for line in lines)


@pytest.fixture
def good(static_environ: dict[str, str]) -> dict[str, str]:
    """An environment without a fault."""
    return {"SECRET_KEY": SECRET_KEY, **static_environ}


@BUILDERS
def test_an_empty_environment_names_all_that_is_needed(build: Callable[[dict[str, str]], object]) -> None:
    assert named(problems({}, build)) == ["AUTH_PROVIDER", "SECRET_KEY"]


@BUILDERS
def test_every_fault_of_every_section_is_told_at_once(build: Callable[[dict[str, str]], object]) -> None:
    environ = {
        "SECRET_KEY": "hunter2-hunter2",
        "JWT_LIFETIME_MINUTES": "a fortnight",
        "JWT_AUDIENCES": "everybody",
        "AUTH_PROVIDER": "static,database,ldap",
        "STATIC_USERS_FILE": "/nowhere/users.toml",
        "DATABASE_URL": "mysql://root:hunter2@host/users",
        "LDAP_URL": "https://directory.example",
        "LDAP_TIMEOUT_SECONDS": "1000000",
    }
    assert named(problems(environ, build)) == [
        "DATABASE_URL",
        "JWT_AUDIENCES",
        "JWT_LIFETIME_MINUTES",
        "LDAP_BASE_DN",
        "LDAP_TIMEOUT_SECONDS",
        "LDAP_URL",
        "SECRET_KEY",
        "STATIC_USERS_FILE:",
    ]


def test_a_fault_in_a_chain_hides_none_in_its_providers(good: dict[str, str]) -> None:
    environ = good | {"AUTH_PROVIDER": "ldap", "AUTH_SKIP_UNAVAILABLE": "database"}
    assert {"AUTH_SKIP_UNAVAILABLE", "LDAP_URL", "LDAP_BASE_DN"} <= set(named(problems(environ)))


def test_every_line_says_what_to_write() -> None:
    for line in problems({"AUTH_PROVIDER": "database,ldap", "JWT_LIFETIME_MINUTES": "0"}):
        assert "Write " in line


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_a_secret_may_be_in_a_file_with_or_without_a_newline(tmp_path: Path, good: dict[str, str], ending: str) -> None:
    (tmp_path / "key").write_bytes((SECRET_KEY + ending).encode())
    by_file = {**good, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}
    token = services_of(good).issuer.generate({"username": "zoé"})
    assert services_of(by_file).issuer.decode(token)["sub"] == "zoé"


@pytest.mark.parametrize("form", ["SECRET_KEY", "SECRET_KEY_FILE"])
def test_blanks_around_a_secret_belong_to_it(tmp_path: Path, form: str) -> None:
    (tmp_path / "key").write_text(f" {SECRET_KEY} \n")
    environ = {form: f" {SECRET_KEY} " if form == "SECRET_KEY" else str(tmp_path / "key")}
    key = KeySettings.read(environ).key
    assert key
    assert key.get_secret_value() == f" {SECRET_KEY} "


def test_a_secret_and_its_file_exclude_each_other(tmp_path: Path, good: dict[str, str]) -> None:
    (tmp_path / "key").write_text(SECRET_KEY)
    lines = problems({**good, "SECRET_KEY_FILE": str(tmp_path / "key")})
    assert named(lines) == ["SECRET_KEY_FILE"]
    assert "so is SECRET_KEY." in lines[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file"), (b"\xff\xfe" * 40, "not UTF-8"), (b"", "is not set"), (b"\n", "is not set")],
)
def test_a_secret_file_that_holds_none_is_refused(
    tmp_path: Path, good: dict[str, str], content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    (line,) = problems({**good, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")})
    assert line.startswith("SECRET_KEY")
    assert why.lower() in line.lower()


def test_a_folder_is_no_secret_file(tmp_path: Path, good: dict[str, str]) -> None:
    (line,) = problems({**good, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path)})
    assert line.startswith("SECRET_KEY_FILE cannot be read: Is a directory")


@pytest.mark.parametrize(
    "blank", ["", "SECRET_KEY_FILE", "JWT_ISSUER", "JWT_LIFETIME_MINUTES", "AUTH_SKIP_UNAVAILABLE"]
)
def test_a_blank_variable_counts_as_unset(good: dict[str, str], blank: str) -> None:
    services = services_of({**good, blank: ""})
    assert services.issuer.lifetime() == 3600
    assert services.issuer.decode(services.issuer.generate({"username": "zoé"}))["iss"] == "latchkey"


@pytest.mark.parametrize("blank", ["SECRET_KEY", "AUTH_PROVIDER", "STATIC_USERS_FILE"])
def test_a_blank_variable_that_is_needed_is_not_set(good: dict[str, str], blank: str) -> None:
    (line,) = problems({**good, blank: ""})
    assert line.startswith(f"{blank} is not set. Write ")


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("JWT_AUDIENC", "JWT_AUDIENCE"),
        ("JWT_LIFETIME_MINUTE", "JWT_LIFETIME_MINUTES"),
        ("AUTH_NEXT_ON_OUTTAGE", "AUTH_SKIP_UNAVAILABLE"),
    ],
)
def test_a_misspelt_variable_is_told(good: dict[str, str], misspelt: str, meant: str) -> None:
    assert problems({**good, misspelt: "whatever"}) == [f"{misspelt} is no setting of ours. Write {meant}."]


@pytest.mark.parametrize("stranger", ["JWT_LIBRARY", "AUTH_LOG", "SECRET_SANTA", "PATH", "PORTS", "STATIC_ROOT"])
def test_a_variable_of_somebody_else_is_left_alone(good: dict[str, str], stranger: str) -> None:
    assert services_of({**good, stranger: "whatever"})


@pytest.mark.parametrize("minutes", ["0", "-1", "1441", "1.5", "an hour", "60m", "nan", "inf", "9" * 5000])
def test_a_number_out_of_range_is_refused(good: dict[str, str], minutes: str) -> None:
    (line,) = problems({**good, "JWT_LIFETIME_MINUTES": minutes})
    assert line.startswith("JWT_LIFETIME_MINUTES cannot be used: ")
    assert line.endswith("Write the minutes for which a token is good, 1 to 1440.")


@pytest.mark.parametrize("minutes", ["1", "1440", " 15 "])
def test_a_number_in_range_is_taken(good: dict[str, str], minutes: str) -> None:
    assert services_of({**good, "JWT_LIFETIME_MINUTES": minutes}).issuer.lifetime() == int(minutes) * 60


@pytest.mark.parametrize("port", ["-1", "65536", "http", "80.5"])
def test_a_port_out_of_range_is_refused(port: str) -> None:
    assert named(problems({"PORT": port}, ServerSettings.read)) == ["PORT"]


@pytest.mark.parametrize("truth", ["maybe", "2", "-", "truee"])
def test_what_is_neither_true_nor_false_is_refused(good: dict[str, str], truth: str) -> None:
    environ = {**good, "AUTH_PROVIDER": "ldap", "LDAP_URL": "ldap://directory", "LDAP_BASE_DN": "dc=example,dc=org"}
    (line,) = problems({**environ, "LDAP_INSECURE_PLAINTEXT": truth})
    assert line.startswith("LDAP_INSECURE_PLAINTEXT cannot be used: ")
