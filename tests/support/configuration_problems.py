"""The problems of a configuration as lines, and the sections of this project."""

from collections.abc import Callable

import pytest

from config.errors import ConfigurationError
from config.section import Section, secret_file_variables
from tests.support.stores import services_of

Build = Callable[[dict[str, str]], object]
SECRETS = {name.removesuffix("_FILE") for name in secret_file_variables()}


def own_sections() -> list[type[Section]]:
    """Return the sections of this project, without those that other tests define."""
    return [section for section in Section.__subclasses__() if section.__module__.startswith(("config.", "provid"))]


def problems(environ: dict[str, str], build: Build = services_of) -> list[str]:
    """Return the problems as lines. Fails if one of them shows a secret."""
    with pytest.raises(ConfigurationError) as caught:
        build(environ)
    for name in {*environ} & SECRETS:
        assert len(environ[name]) < 6 or environ[name] not in str(caught.value)
    return caught.value.lines
