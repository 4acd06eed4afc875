"""The names of variables: a misspelled or former name is a problem, and an unrelated one is ignored."""

import pytest

from config.section import secret_file_variables
from tests.support.configuration_problems import own_sections, problems
from tests.support.stores import SECRET_KEY, services_of


@pytest.fixture
def valid(static_environ: dict[str, str]) -> dict[str, str]:
    """An environment without a problem."""
    return {"SECRET_KEY": SECRET_KEY, **static_environ}


@pytest.mark.parametrize(
    ("misspelled", "nearest"),
    [
        ("JWT_AUDIENC", "JWT_AUDIENCE"),
        ("JWT_LIFETIME_MINUTE", "JWT_LIFETIME_MINUTES"),
        ("AUTH_SKIP_UNAVAILABEL", "AUTH_SKIP_UNAVAILABLE"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("database_url", "DATABASE_URL"),
        ("DATABASE_URLFILE", "DATABASE_URL_FILE"),
        ("SECRETKEY_FALLBACKS", "SECRET_KEY_FALLBACKS"),
        ("SINGING_KEYS_DIR", "SIGNING_KEYS_DIR"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
    ],
)
def test_misspelled_variable_is_a_problem(valid: dict[str, str], misspelled: str, nearest: str) -> None:
    lines = problems({**valid, misspelled: "a value"})
    assert lines == [f"{misspelled} is not a setting. The nearest setting is {nearest}."]


@pytest.mark.parametrize(
    ("misspelled", "meant"),
    [("AUTH_PROVDER", "AUTH_PROVIDER"), ("STATIC_USER_FILE", "STATIC_USERS_FILE"), ("SECRETKEY", "SECRET_KEY")],
)
def test_misspelled_variable_of_a_missing_setting_is_a_problem(
    valid: dict[str, str], misspelled: str, meant: str
) -> None:
    del valid[meant]
    lines = problems({**valid, misspelled: "a value"})
    assert f"{misspelled} is not a setting. The nearest setting is {meant}." in lines


def test_variable_that_resembles_a_setting_is_accepted_if_the_setting_is_set(valid: dict[str, str]) -> None:
    assert services_of({**valid, "DATABASE_URI": "of another program", "DATABASE_URL": ""})


def test_no_setting_resembles_one_of_another_section() -> None:
    sections = own_sections()
    assert len(sections) > 10
    names = {section.variable(field) for section in sections for field in section.model_fields}
    names |= {variable for variable in secret_file_variables() if variable.removesuffix("_FILE") in names}
    for section in sections:
        assert (
            section.misspelled_variables(dict.fromkeys(names - {*map(section.variable, section.model_fields)}, ""))
            == []
        )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AUTH_NEXT_ON_OUTAGE", "AUTH_SKIP_UNAVAILABLE"),
        ("SESSION_OUTAGE_SECONDS", "REVOCATION_STALENESS_SECONDS"),
        ("KEY_FOLDER", "SIGNING_KEYS_DIR"),
    ],
)
def test_old_name_of_a_renamed_variable_is_a_problem(valid: dict[str, str], old: str, new: str) -> None:
    assert problems({**valid, old: "a value"}) == [f"{old} is now called {new}. Set {new}."]
    assert services_of({**valid, old: ""})


@pytest.mark.parametrize(
    "unrelated",
    [
        "JWT_LIBRARY",
        "AUTH_LOG",
        "SECRET_SANTA",
        "PATH",
        "PORTS",
        "STATIC_ROOT",
        "S3_SECRET_KEY",
        "TEST_DATABASE_URL",
        "DATABASE_PORT",
        "DATABASE",
        "SECRET_KEY_BASE",
    ],
)
def test_unrelated_variable_is_ignored(valid: dict[str, str], unrelated: str) -> None:
    assert services_of({**valid, unrelated: "a value"})
