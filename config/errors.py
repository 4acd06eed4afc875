"""Errors of the configuration, reported together, and the translation of errors."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from config.text import escape

E = TypeVar("E", bound=Exception)


@dataclass(frozen=True)
class Problem:
    """One problem and its remedy. No part of it contains a secret; other values are shown."""

    subject: str
    """The variable, or the place in a file, such as `STATIC_USERS_FILE, user 2`."""
    found: str
    """The problem: the predicate of a sentence about the subject."""
    remedy: str | None = None
    """What to do: a sentence without its period; None if `found` implies it."""

    @property
    def statement(self) -> str:
        """The problem without its remedy, as a sentence without its period, on one line: keys of files are escaped."""
        return escape(f"{self.subject} {self.found}")

    def __str__(self) -> str:
        return f"{self.statement}. {self.remedy}." if self.remedy else f"{self.statement}."


class ConfigurationError(click.ClickException):
    """The configuration has the problems in `problems`.

    A click exception, so that Flask's command line prints it as a message and not as a traceback.
    """

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["the configuration is invalid.", *(f"  {line}" for line in self.lines)]))

    @property
    def lines(self) -> list[str]:
        """The problems as text, one line each."""
        return [str(problem) for problem in self.problems]


def collect_errors(*builders: Callable[[], Any]) -> list[Any]:
    """Call each builder and return their results, in order.

    Raises ConfigurationError with the problems of all builders, each problem once, so that one start reports
    all of them. Other exceptions pass through.
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
    """Raise `to(error)` instead of any `source` error that the block raises."""
    try:
        yield
    except source as error:
        raise to(error) from error


def validation_message(fault: Mapping[str, Any]) -> str:
    """Return one error of `pydantic.ValidationError.errors()` as the predicate of a sentence about the value.

    The ValueErrors of this project's validators are such predicates ("must not be empty"); pydantic's own messages
    follow "is invalid: ". The errors must include their context, and no input.
    """
    raised = fault.get("ctx", {}).get("error")
    if isinstance(raised, ValueError):
        return str(raised)
    if fault["type"] == "missing":
        return "is missing"
    return f"is invalid: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
