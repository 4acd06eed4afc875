"""Reads the environment variables. No other module reads them."""

import os
from pathlib import Path

from dotenv import dotenv_values

from config.errors import ConfigurationError, Problem

DEVELOPMENT_FILE = Path(__file__).resolve().parent.parent / ".env"


def read_environment(development_file: Path = DEVELOPMENT_FILE) -> dict[str, str]:
    """Return the variables of the development file, if it exists, and of the process, which take precedence.

    A secret that the process sets takes precedence in both of its forms (`SECRET_KEY` and `SECRET_KEY_FILE`).
    Raises ConfigurationError if the file cannot be read.
    """
    try:
        # Secrets may contain `${`, so nothing in the file is expanded.
        development = dotenv_values(development_file, interpolate=False)
        expanded = dotenv_values(development_file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([Problem(development_file.name, f"cannot be read ({type(error).__name__})")]) from None
    # Flask's command line copies the expanded file into the environment: a variable with the file's value is a copy.
    process = {
        name: value for name, value in os.environ.items() if value not in (development.get(name), expanded.get(name))
    }
    overridden = {_other_form(name) for name in process}
    kept = {name: value for name, value in development.items() if value is not None and name not in overridden}
    return {**kept, **process}


def _other_form(name: str) -> str:
    return name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
