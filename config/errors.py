"""What is wrong with a configuration, all of it at once."""

from collections.abc import Callable
from typing import Any

import click


class ConfigurationError(click.ClickException):
    """The configuration cannot be used; `problems` has a line for each fault.

    A line names its variable and says what to write, never what was written. It is a click
    exception so that Flask's command line shows it as a message, not as a traceback.
    """

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["the configuration cannot be used.", *(f"  {line}" for line in problems)]))
        self.problems = problems


def midsentence(message: str) -> str:
    """Return one of pydantic's messages as it reads in the middle of a sentence of ours."""
    message = message.removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}"


def gather(*builders: Callable[[], Any]) -> list[Any]:
    """Return what every builder returns, in order.

    Raises ConfigurationError with the problems of all of them, so that nobody has to mend a
    configuration one start at a time. Any other exception passes through.
    """
    built, problems = [], []
    for build in builders:
        try:
            built.append(build())
        except ConfigurationError as error:
            problems += [line for line in error.problems if line not in problems]
    if problems:
        raise ConfigurationError(problems)
    return built
