"""All problems of a configuration are reported together, with each value that is not a secret."""

from pathlib import Path

import pytest

from app import create_app
from config.clients import OAuthSettings
from config.errors import ConfigurationError
from config.keys import KeySettings
from config.section import Section
from config.service_settings import DatabaseSettings, MetricsSettings, PasswordSettings, ServerSettings
from config.throttle_settings import ThrottleSettings
from providers.ldap.settings import LdapSettings
from tests.support.configuration_problems import Build, own_sections, problems
from tests.support.stores import SECRET_KEY, services_of

EACH_BUILD = pytest.mark.parametrize("build", [services_of, create_app])


def variables(lines: list[str]) -> list[str]:
    """Return the variables with which the lines begin, sorted."""
    return sorted(line.partition(" ")[0] for line in lines)


@pytest.fixture
def valid(static_environ: dict[str, str]) -> dict[str, str]:
    """An environment without a problem."""
    return {"SECRET_KEY": SECRET_KEY, **static_environ}


@EACH_BUILD
def test_empty_environment_lacks_all_required_variables(build: Build) -> None:
    assert variables(problems({}, build)) == ["AUTH_PROVIDER", "SECRET_KEY"]


@EACH_BUILD
def test_problems_of_all_sections_are_reported_together(build: Build) -> None:
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
    assert variables(problems(environ, build)) == [
        "DATABASE_URL",
        "JWT_AUDIENCES",
        "JWT_LIFETIME_MINUTES",
        "LDAP_BASE_DN",
        "LDAP_TIMEOUT_SECONDS",
        "LDAP_URL",
        "SECRET_KEY",
        "STATIC_USERS_FILE",
    ]


def test_problem_of_a_chain_does_not_hide_those_of_its_providers(valid: dict[str, str]) -> None:
    environ = valid | {"AUTH_PROVIDER": "ldap", "AUTH_SKIP_UNAVAILABLE": "database"}
    assert {"AUTH_SKIP_UNAVAILABLE", "LDAP_URL", "LDAP_BASE_DN"} <= set(variables(problems(environ)))


def test_each_problem_has_a_remedy() -> None:
    for line in problems({"AUTH_PROVIDER": "database,ldap", "JWT_LIFETIME_MINUTES": "0"}):
        assert ". Set it to " in line


@pytest.mark.parametrize(
    ("section", "environ", "line"),
    [
        (
            KeySettings,
            {"SECRET_KEY": "short"},
            (
                "SECRET_KEY must be at least 32 bytes long. Set it to at least 32 random bytes, as"
                " `openssl rand -hex 32` prints them, or set SIGNING_KEYS_DIR."
            ),
        ),
        (
            KeySettings,
            {"SECRET_KEY_FALLBACKS": "R8xq0Vn3LzW6tYbJ2sHdKe9PfMu7GcAo,short"},
            (
                "SECRET_KEY_FALLBACKS, value 2 must be at least 32 bytes long."
                " Set it to the previous values of SECRET_KEY, comma-separated or one per line."
            ),
        ),
        (
            PasswordSettings,
            {"PASSWORD_MIN_LENGTH": "7"},
            (
                "PASSWORD_MIN_LENGTH is invalid: input should be greater than or equal to 8 (it is '7')."
                " Set it to the minimum length of a new password in characters, 8 to 64; NIST requires 15."
            ),
        ),
        (
            OAuthSettings,
            {"OAUTH_PASSWORD_GRANT": "maybe"},
            (
                "OAUTH_PASSWORD_GRANT is invalid: input should be a valid boolean, unable to interpret input"
                " (it is 'maybe')."
                " Set it to true or false: whether clients may send a user's password."
            ),
        ),
    ],
    ids=["value", "value of a list", "number", "boolean"],
)
def test_problem_reads_as_a_sentence_about_the_variable(
    section: type[KeySettings], environ: dict[str, str], line: str
) -> None:
    assert problems(environ, section.read) == [line]


def test_key_of_a_json_object_is_shown() -> None:
    environ = {"LDAP_URL": "ldap://x", "LDAP_BASE_DN": "dc=x", "LDAP_ROLE_MAP": '{"cn=sales": ["x", ""]}'}
    (line,) = problems(environ, LdapSettings.read)
    assert line.startswith("LDAP_ROLE_MAP, cn=sales, value 2 must not be empty. ")


def test_url_that_may_contain_a_password_is_not_shown() -> None:
    environ = {"LDAP_URL": "https://cn=admin:hunter2@directory", "LDAP_BASE_DN": "dc=x"}
    (line,) = problems(environ, LdapSettings.read)
    assert line.startswith("LDAP_URL ")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("/nowhere/key", True),
        ("docs/missing", True),
        ("hunter2", False),
        ("/hunter2hunter2hunter2hunter2hunter2/key", False),
        ("hunter2/key", False),
        ("/proc/hunter2", True),
    ],
)
def test_path_of_a_secret_is_shown_unless_it_may_be_the_secret(text: str, is_shown: bool) -> None:
    with pytest.raises(ConfigurationError) as caught:
        KeySettings.read({"SECRET_KEY_FILE": text})
    (line,) = caught.value.lines
    assert (f"({Path(text).absolute()})" in line) is is_shown
    assert ("hunter2" in line) is (is_shown and "hunter2" in text)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_secret_can_be_read_from_a_file_that_ends_with_newlines(
    tmp_path: Path, valid: dict[str, str], ending: str
) -> None:
    (tmp_path / "key").write_bytes((SECRET_KEY + ending).encode())
    by_file = {**valid, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}
    token = services_of(valid).issuer.generate({"username": "zoé"})
    assert services_of(by_file).issuer.decode(token)["sub"] == "zoé"


LDAP = {"LDAP_URL": "ldaps://x", "LDAP_BASE_DN": "dc=x", "LDAP_BIND_DN": "cn=x"}
SECRET_VALUES: dict[str, tuple[type[Section], dict[str, str], str]] = {
    "SECRET_KEY": (KeySettings, {}, SECRET_KEY),
    "SECRET_KEY_FALLBACKS": (KeySettings, {"SECRET_KEY": SECRET_KEY}, "F5mQ2y8vXcN7pLkR4tWzB9sDgH3jAeUo"),
    "DATABASE_URL": (DatabaseSettings, {}, "postgresql://user:password@localhost/latchkey"),
    "LDAP_BIND_PASSWORD": (LdapSettings, LDAP, "a password "),
    "OAUTH_CLIENTS": (OAuthSettings, {}, "phone,tablet"),
    "METRICS_TOKEN": (MetricsSettings, {}, "a token for the metrics"),
    "THROTTLE_STORAGE_URL": (ThrottleSettings, {}, "redis://127.0.0.1:6379"),
}
"""The section, other variables and a value of each secret."""


def test_every_secret_has_a_value_here() -> None:
    assert {*SECRET_VALUES} == {
        section.variable(field)
        for section in own_sections()
        for field in section.model_fields
        if section.is_secret(field)
    }


@pytest.mark.parametrize("variable", SECRET_VALUES)
def test_newline_at_the_end_of_a_docker_secret_is_not_part_of_it(tmp_path: Path, variable: str) -> None:
    section, others, value = SECRET_VALUES[variable]
    (tmp_path / "secret").write_text(f"{value}\n")
    read = section.read({**others, f"{variable}_FILE": str(tmp_path / "secret")})
    assert read == section.read({**others, variable: value})


@pytest.mark.parametrize(
    "platform", ["x86_64-conda-linux-gnu", "x86_64-conda_cos6-linux-gnu", "arm64-apple-darwin20.0.0"]
)
def test_platform_that_conda_sets_as_host_is_ignored(platform: str) -> None:
    assert ServerSettings.read({"HOST": platform}).address == "127.0.0.1:5000"
    assert ServerSettings.read({"HOST": "web-conda-1"}).address == "web-conda-1:5000"


@pytest.mark.parametrize("form", ["SECRET_KEY", "SECRET_KEY_FILE"])
def test_surrounding_spaces_are_part_of_a_secret(tmp_path: Path, form: str) -> None:
    (tmp_path / "key").write_text(f" {SECRET_KEY} \n")
    environ = {form: f" {SECRET_KEY} " if form == "SECRET_KEY" else str(tmp_path / "key")}
    key = KeySettings.read(environ).key
    assert key
    assert key.get_secret_value() == f" {SECRET_KEY} "


def test_secret_and_its_file_cannot_both_be_set(tmp_path: Path, valid: dict[str, str]) -> None:
    (tmp_path / "key").write_text(SECRET_KEY)
    lines = problems({**valid, "SECRET_KEY_FILE": str(tmp_path / "key")})
    assert lines == ["SECRET_KEY_FILE is set, and so is SECRET_KEY. Set only one of them."]


@pytest.mark.parametrize(
    ("content", "found"),
    [(None, "no such file"), (b"\xff\xfe" * 40, "not UTF-8"), (b"", "is not set"), (b"\n", "is not set")],
)
def test_file_without_a_secret_is_a_problem(
    tmp_path: Path, valid: dict[str, str], content: bytes | None, found: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    (line,) = problems({**valid, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")})
    assert line.startswith("SECRET_KEY")
    assert found.lower() in line.lower()


def test_directory_cannot_be_read_as_a_secret(tmp_path: Path, valid: dict[str, str]) -> None:
    (line,) = problems({**valid, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path)})
    found = f"names a file that cannot be read: Is a directory ({tmp_path})"
    assert line == f"SECRET_KEY_FILE {found}. Set it to a readable file."


@pytest.mark.parametrize(
    "empty", ["", "SECRET_KEY_FILE", "JWT_ISSUER", "JWT_LIFETIME_MINUTES", "AUTH_SKIP_UNAVAILABLE"]
)
def test_empty_variable_counts_as_not_set(valid: dict[str, str], empty: str) -> None:
    services = services_of({**valid, empty: ""})
    assert services.issuer.lifetime_seconds() == 3600
    assert services.issuer.decode(services.issuer.generate({"username": "zoé"}))["iss"] == "latchkey"


@pytest.mark.parametrize("empty", ["SECRET_KEY", "AUTH_PROVIDER", "STATIC_USERS_FILE"])
def test_empty_variable_that_is_required_is_a_problem(valid: dict[str, str], empty: str) -> None:
    (line,) = problems({**valid, empty: ""})
    assert line.startswith(f"{empty} is not set. Set it to ")


@pytest.mark.parametrize("minutes", ["0", "-1", "1441", "1.5", "an hour", "60m", "nan", "inf", "9" * 5000])
def test_number_out_of_range_is_a_problem(valid: dict[str, str], minutes: str) -> None:
    (line,) = problems({**valid, "JWT_LIFETIME_MINUTES": minutes})
    assert line.startswith("JWT_LIFETIME_MINUTES is invalid: ")
    assert line.endswith(". Set it to the lifetime of an access token in minutes, 1 to 1440.")


@pytest.mark.parametrize("minutes", ["1", "1440", " 15 "])
def test_number_in_range_is_accepted(valid: dict[str, str], minutes: str) -> None:
    assert services_of({**valid, "JWT_LIFETIME_MINUTES": minutes}).issuer.lifetime_seconds() == int(minutes) * 60


@pytest.mark.parametrize("port", ["-1", "65536", "http", "80.5"])
def test_port_out_of_range_is_a_problem(port: str) -> None:
    assert variables(problems({"PORT": port}, ServerSettings.read)) == ["PORT"]


@pytest.mark.parametrize("value", ["maybe", "2", "-", "truee"])
def test_value_that_is_neither_true_nor_false_is_a_problem(valid: dict[str, str], value: str) -> None:
    environ = {**valid, "AUTH_PROVIDER": "ldap", "LDAP_URL": "ldap://directory", "LDAP_BASE_DN": "dc=example,dc=org"}
    (line,) = problems({**environ, "LDAP_INSECURE_PLAINTEXT": value})
    assert line.startswith("LDAP_INSECURE_PLAINTEXT is invalid: input should be a valid boolean")


def test_section_without_values_is_as_if_it_were_validated() -> None:
    sections = [
        section for section in own_sections() if not any(f.is_required() for f in section.model_fields.values())
    ]
    assert len(sections) > 10
    for section in sections:
        assert section.read({}) == section.model_validate({})
