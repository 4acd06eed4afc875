"""The variables of the process take precedence over those of the development file."""

from pathlib import Path

import pytest

from config.environment import read_environment
from config.errors import ConfigurationError


@pytest.fixture
def development_file(tmp_path: Path) -> Path:
    """A file like the one that `make run` creates, with more variables."""
    path = tmp_path / ".env"
    path.write_text('SECRET_KEY=of-the-file\nJWT_ISSUER="a name"\nDATABASE_URL_FILE=/run/secrets/url\nEMPTY=\nBARE\n')
    return path


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "SECRET_KEY_FILE", "JWT_ISSUER", "DATABASE_URL", "DATABASE_URL_FILE", "EMPTY", "BARE"):
        monkeypatch.delenv(name, raising=False)


def test_variable_that_the_process_does_not_set_comes_from_the_file(development_file: Path) -> None:
    environ = read_environment(development_file)
    assert environ["SECRET_KEY"] == "of-the-file"
    assert environ["JWT_ISSUER"] == "a name"
    assert environ["EMPTY"] == ""
    assert "BARE" not in environ


@pytest.mark.parametrize("value", ["of-the-process", ""])
def test_variable_of_the_process_takes_precedence_over_the_file(
    development_file: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", value)
    environ = read_environment(development_file)
    assert environ["SECRET_KEY"] == value
    assert environ["JWT_ISSUER"] == "a name"


@pytest.mark.parametrize(
    ("name", "value", "overridden"),
    [
        ("SECRET_KEY_FILE", "/run/secrets/key", "SECRET_KEY"),
        ("DATABASE_URL", "sqlite:///users.db", "DATABASE_URL_FILE"),
    ],
)
def test_secret_of_the_process_takes_precedence_over_its_file_counterpart_in_the_file(
    development_file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, overridden: str
) -> None:
    monkeypatch.setenv(name, value)
    environ = read_environment(development_file)
    assert environ[name] == value
    assert overridden not in environ


@pytest.mark.parametrize("value", ["a${HOME}b", "$HOME", "${UNSET:-x}", "$$", "a$(id)b"])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_variables_in_the_file_are_not_expanded(tmp_path: Path, value: str, quote: str) -> None:
    (tmp_path / ".env").write_text(f"SECRET_KEY={quote}{value}{quote}\n")
    assert read_environment(tmp_path / ".env")["SECRET_KEY"] == value


def test_missing_file_counts_as_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_ISSUER", "of-the-process")
    environ = read_environment(tmp_path / "none")
    assert environ["JWT_ISSUER"] == "of-the-process"
    assert "SECRET_KEY" not in environ


@pytest.mark.parametrize("misspelled", ["JWT_ISUER", "SECRETKEY", "secret_key", "DATABASE_URLFILE"])
def test_misspelled_variable_of_the_process_is_not_replaced_by_the_file(
    development_file: Path, monkeypatch: pytest.MonkeyPatch, misspelled: str
) -> None:
    monkeypatch.setenv(misspelled, "of-the-process")
    with pytest.raises(ConfigurationError) as raised:
        read_environment(development_file)
    (line,) = raised.value.lines
    assert line.startswith(f"{misspelled} is not a setting. The nearest setting is ")


def test_all_misspelled_variables_of_the_process_are_reported_together(
    development_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JWT_ISUER", "LOG_FROMAT", "TRUSTED_PROXY"):  # only the first resembles a variable of the file
        monkeypatch.setenv(name, "of-the-process")
    with pytest.raises(ConfigurationError) as raised:
        read_environment(development_file)
    assert raised.value.lines == [
        "JWT_ISUER is not a setting. The nearest setting is JWT_ISSUER.",
        "LOG_FROMAT is not a setting. The nearest setting is LOG_FORMAT.",
        "TRUSTED_PROXY is not a setting. The nearest setting is TRUSTED_PROXIES.",
    ]


def test_numbered_variable_of_the_process_is_accepted(development_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY2", "of another program")
    assert read_environment(development_file)["SECRET_KEY"] == "of-the-file"


def test_file_that_is_not_text_is_one_line_with_its_path(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SECRET_KEY=\xff\xfe\n")
    with pytest.raises(ConfigurationError) as caught:
        read_environment(tmp_path / ".env")
    (line,) = caught.value.lines
    assert line.startswith(f".env cannot be read: it is not UTF-8 text ({tmp_path}/.env). ")
