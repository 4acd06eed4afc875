"""The environment: the only place of the program that looks at it."""

import os
from pathlib import Path

from dotenv import dotenv_values

from config.errors import ConfigurationError, Problem

DEVELOPMENT_FILE = Path(__file__).resolve().parent.parent / ".env"


def read_environment(development_file: Path = DEVELOPMENT_FILE) -> dict[str, str]:
    """Return the process's variables, over those of the development file where there is one.

    A variable that is set in both has the process's value, and so has a secret that one of them
    names as a file (`SECRET_KEY_FILE`) and the other in full (`SECRET_KEY`). Raises
    ConfigurationError if the file cannot be read.
    """
    try:
        # Secrets may contain `${`: nothing in the file is expanded.
        development = dotenv_values(development_file, interpolate=False)
        expanded = dotenv_values(development_file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([Problem(development_file.name, f"cannot be read ({type(error).__name__})")]) from None
    # Flask's command line has copied the file into the environment, expanded; what is the same came from there.
    process = {
        name: value for name, value in os.environ.items() if value not in (development.get(name), expanded.get(name))
    }
    beaten = {_other_form(name) for name in process}
    kept = {name: value for name, value in development.items() if value is not None and name not in beaten}
    return {**kept, **process}


def _other_form(name: str) -> str:
    return name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
