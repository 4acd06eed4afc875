"""Reads the environment variables. No other module reads them."""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from config.errors import ConfigurationError, Problem
from config.misspellings import differs_by_a_typo

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder of this program, where app.py and `.env` are."""
DEVELOPMENT_FILE = CHECKOUT / ".env"
_ENCODING = "utf-8-sig"  # a byte order mark would become a part of the first name


def read_environment(development_file: Path = DEVELOPMENT_FILE) -> dict[str, str]:
    """Return the variables of the development file, if it exists, overridden by those of the process.

    If the process sets `SECRET_KEY` or `SECRET_KEY_FILE`, both are ignored in the development file. The same applies
    to every other variable. Raises ConfigurationError if the file cannot be read, or if a variable of the
    process resembles one of the file, which would be used instead: with all other misspelled variables.
    """
    # The returned values are not expanded, because a secret may contain `${`.
    development = _read(development_file, interpolate=False)
    expanded = _read(development_file, interpolate=True)
    # Flask's command line copies the variables of the file into os.environ, with `${…}` expanded. A variable that
    # equals its value in the file is such a copy, so it does not count as set by the process.
    process = {
        name: value for name, value in os.environ.items() if value not in (development.get(name), expanded.get(name))
    }
    overridden = {_file_counterpart(name) for name in process}
    kept = {name: value for name, value in development.items() if value is not None and name not in overridden}
    environ = {**kept, **process}
    if overrides := [*_misspelled_overrides(process, development)]:
        from config.section import misspelled_variables

        by_name = {problem.subject: problem for problem in (*misspelled_variables(environ), *overrides)}
        raise ConfigurationError([by_name[name] for name in sorted(by_name)])
    return environ


def is_shell_completion() -> bool:
    """Return whether a shell asks `flask` for completions, so that any other output would disturb its prompt."""
    return "_FLASK_COMPLETE" in os.environ


def is_color_unwanted() -> bool:
    """Return whether programs must not color their output (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def require_readable_files() -> None:
    """Raise ConfigurationError if one of the files that Flask's command line reads cannot be read."""
    from dotenv import find_dotenv

    for name in (".flaskenv", ".env"):
        if path := find_dotenv(name, usecwd=True):
            _read(Path(path), interpolate=False)


def _read(file: Path, *, interpolate: bool) -> dict[str, str | None]:
    if not os.path.exists(file):
        return {}
    from dotenv import dotenv_values

    try:
        return dotenv_values(file, interpolate=interpolate, encoding=_ENCODING)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        remedy = "Let the user of the service read it, or correct it"
        raise ConfigurationError([Problem(file.name, f"cannot be read: {reason} ({file})", remedy)]) from None


def _misspelled_overrides(process: Iterable[str], development: Collection[str]) -> Iterator[Problem]:
    for name in sorted(process):
        nearest = next((other for other in development if differs_by_a_typo(name.upper(), other)), None)
        if nearest and name not in development:
            yield Problem(name, "is not a setting", f"The nearest setting is {nearest}")


def _file_counterpart(name: str) -> str:
    """Return `SECRET_KEY_FILE` for `SECRET_KEY`, and the reverse."""
    return name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
