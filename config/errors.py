"""Errors of the configuration, reported all at once, and the translation of one error into another."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click

E = TypeVar("E", bound=Exception)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and what to do about it. No part of it is ever a value of a setting."""

    subject: str
    """The variable, or the place in a file, such as `STATIC_USERS_FILE, user 2`."""
    found: str
    """What is wrong: the predicate of a sentence about the subject."""
    remedy: str | None = None
    """What to do: a sentence without its period; `None` if `found` says it all."""

    @property
    def statement(self) -> str:
        """The problem without its remedy, as a sentence without its period."""
        return f"{self.subject} {self.found}"

    def __str__(self) -> str:
        return f"{self.statement}. {self.remedy}." if self.remedy else f"{self.statement}."


class ConfigurationError(click.ClickException):
    """The configuration is invalid, for every reason in `problems`.

    A click exception, so that Flask's command line shows it as a message and not as a traceback.
    """

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["the configuration cannot be used.", *(f"  {line}" for line in self.lines)]))

    @property
    def lines(self) -> list[str]:
        """The problems as text, one line each."""
        return [str(problem) for problem in self.problems]


def collect_errors(*builders: Callable[[], Any]) -> list[Any]:
    """Call every builder and return their results, in order.

    Raises ConfigurationError with the problems of all builders, each problem once, so that one start shows
    everything there is to fix. Any other exception passes through.
    """
    results, problems = [], []
    for build in builders:
        try:
            results.append(build())
        except ConfigurationError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise ConfigurationError(problems)
    return results


@contextmanager
def translate_errors(source: type[E] | tuple[type[E], ...], to: Callable[[E], Exception]) -> Iterator[None]:
    """Raise `to(error)` in place of every `source` error that the block raises."""
    try:
        yield
    except source as error:
        raise to(error) from error


def validation_message(fault: Mapping[str, Any]) -> str:
    """Return what one error of `pydantic.ValidationError.errors()` says, as the rest of a sentence.

    It must have been asked for with its context, and without its input.
    """
    raised = fault.get("ctx", {}).get("error")
    # Before the message of a validator's ValueError pydantic puts a prefix.
    message = str(raised) if isinstance(raised, ValueError) else fault["msg"]
    return f"{message[:1].lower()}{message[1:]}"
