"""Any text as a setting: it is accepted, or refused in a line that names the variable and does not quote a secret."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigurationError
from config.section import Section
from config.settings import Settings
from database.engine import open_engine
from providers.ldap import open_ldap
from providers.ldap.settings import LdapSettings
from tests.fuzz.strategies import ANY_TEXT, damaged_text, fewer_examples
from tests.support.commands import run_command
from tests.support.stores import HIGH_LIMITS, SECRET_KEY

EXAMPLES = [
    *("10/15 minutes", "1 per day", "100/hour;5/minute", "2", "10.0.0.0/8, fd00::/8", "127.0.0.1", "true", "json"),
    *("postgresql://user:password@host:5432/database?sslmode=verify-full", "sqlite:///users.db", "sqlite://"),
    *("redis://:password@host:6379/0", "redis+unix:///run/redis.sock", "ldap://a ldaps://b:636", "ldap://[::1]:389"),
    *("reports:a secret that is long enough and random 7Z,phone", "static,database", "package.module:factory"),
    *('{"cn=admins,dc=x": ["admin"]}', "(|(uid={login})(mail={login}))", "uid={login},ou=people,dc=x", "memberOf"),
    *(SECRET_KEY, f"{SECRET_KEY},{SECRET_KEY}", "users.toml", "0.5", "-1", "1e9", "٣", "0x10", " 5 "),
]
values = ANY_TEXT | damaged_text(EXAMPLES)
LONG_VALUE = 12
"""The length from which a value is not a word of a message by chance."""
MAX_LINE_LENGTH = 1000
environment_values = st.binary(max_size=60).map(lambda octets: os.fsdecode(octets.replace(b"\0", b"")))
"""Texts that a variable of a process can have: lone surrogates stand for bytes that are not UTF-8 (PEP 383)."""


def sections(base: type[Section] = Section) -> Iterator[type[Section]]:
    """Yield all sections, also those of providers."""
    for section in base.__subclasses__():
        yield section
        yield from sections(section)


def check_message(error: ConfigurationError, secret: str, *subjects: str) -> None:
    """Check that each problem is one line about one of these variables, which does not quote the secret."""
    for problem, line in zip(error.problems, error.lines, strict=True):
        assert problem.subject.startswith(subjects)
        assert line.isprintable()
        assert len(line) < MAX_LINE_LENGTH
        assert len(secret.strip()) < LONG_VALUE or secret.strip() not in problem.found


@pytest.mark.parametrize("section", [*sections()], ids=lambda section: section.__name__)
@given(data=st.data())
def test_value_is_accepted_or_refused_by_name(section: type[Section], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from([*section.model_fields]))
    value = data.draw(values)
    variable = section.variable(field)
    try:
        section.read({variable: value})
    except ConfigurationError as error:
        secret = value if section.is_secret(field) else ""
        check_message(error, secret, *(section.variable(name) for name in section.model_fields))


@given(url=values)
def test_database_url_opens_an_engine_or_is_refused(url: str) -> None:
    try:
        open_engine(Settings({"DATABASE_URL": url}).database).dispose()
    except ConfigurationError as error:
        check_message(error, url, "DATABASE_URL")


@given(variable=st.sampled_from([*LdapSettings.model_fields]), value=values)
def test_provider_of_directories_is_opened_or_refused(variable: str, value: str) -> None:
    valid = {"LDAP_URL": "ldap://127.0.0.1:9", "LDAP_INSECURE_PLAINTEXT": "true", "LDAP_BASE_DN": "dc=x"}
    name = LdapSettings.variable(variable)
    try:
        open_ldap({**valid, name: value})
    except ConfigurationError as error:
        check_message(error, value if LdapSettings.is_secret(variable) else "", "LDAP_")


@fewer_examples(2)
@given(
    variable=st.sampled_from(
        [
            "DATABASE_URL",
            "STATIC_USERS_FILE",
            "SECRET_KEY",
            "JWT_ISSUER",
            "TRUSTED_PROXIES",
            "LOGIN_FAILURES_PER_ACCOUNT",
            "AUTH_PROVIDER",
            "SIGNING_KEYS_DIR",
            "OAUTH_CLIENTS",
        ]
    ),
    value=environment_values | damaged_text(EXAMPLES).filter(str.isprintable),
)
@pytest.mark.parametrize("command", [["doctor"], ["users", "list"], ["keys", "list"], ["routes"]], ids=" ".join)
def test_command_reports_a_refused_value_without_a_traceback(command: list[str], variable: str, value: str) -> None:
    environ = {**HIGH_LIMITS, "SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "static", "STATIC_USERS_FILE": "/dev/null/x"}
    ended = run_command(*command, environ={**environ, variable: value})
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    assert ended.exit_code in {0, 1, 2}
