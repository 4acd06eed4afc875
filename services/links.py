"""A provider in the chain, and the errors of its calls, which name the provider."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from audit.operation import timed
from config.http_error import HttpError
from providers.faults import describe_exception
from providers.interface import (
    AuthProvider,
    Denied,
    Overloaded,
    ProviderUnavailable,
    RequestFailed,
    SupportsFind,
    SupportsHasUsername,
)
from services.identity import Identity
from services.provider_faults import InvalidAnswer, ProviderFault
from services.provider_watch import watch_call


@dataclass(eq=False)
class Availability:
    """Whether the store of a provider was available at its last call in this process."""

    is_available: bool = True


@dataclass(frozen=True)
class Link:
    """A provider in the chain."""

    name: str
    provider: AuthProvider
    skip_unavailable: bool = False
    """Whether the next provider is asked while this one is unavailable. Otherwise the login fails."""
    last_call: Availability = field(default_factory=Availability, compare=False)

    @cached_property
    def finder(self) -> SupportsFind | None:
        """The provider, if it can look users up. The check of a protocol takes 1 % of a refresh, so it is done once."""
        return self.provider if isinstance(self.provider, SupportsFind) else None

    @cached_property
    def username_finder(self) -> SupportsHasUsername | None:
        """The provider, if it can look usernames up."""
        return self.provider if isinstance(self.provider, SupportsHasUsername) else None

    def skips(self, error: ProviderUnavailable) -> bool:
        """Return whether the next provider is asked after this error of this one."""
        return self.skip_unavailable and not isinstance(error, RequestFailed)

    @property
    def description(self) -> str:
        """The name of the provider, and the class that its author has written."""
        kind = type(self.provider)
        return f"the provider {self.name} ({kind.__module__}.{kind.__qualname__})"


Answer = Identity | Denied | ProviderUnavailable
"""The answer of a provider about a login: the user, a denial, or that its store is unavailable."""


@contextmanager
def translate_provider_errors(link: Link) -> Iterator[None]:
    """Raise ProviderUnavailable, with the provider's name, for all errors that mean that its store is unavailable.

    Any other exception that is not an HttpError is a mistake of the provider, and becomes a ProviderFault. While this
    process has too many open files, every store seems unavailable. Then raises Overloaded instead, so that none is
    skipped.
    """
    try:
        yield
    except (ProviderUnavailable, OSError) as error:
        if isinstance(error, ProviderUnavailable) and error.provider:
            raise  # a call within the block has translated it
        if not _can_open_file():
            raise Overloaded("this process has too many open files") from error
        reason = error.reason if isinstance(error, ProviderUnavailable) else type(error).__name__
        named = RequestFailed if isinstance(error, RequestFailed) else ProviderUnavailable
        raise named(reason, link.name) from error
    except HttpError:
        raise
    except InvalidAnswer as error:
        raise ProviderFault(str(error), link.description) from None
    except ProviderFault as error:
        if error.provider:
            raise
        raise ProviderFault(error.found, link.description, error.detail) from None
    except Exception as error:
        found = f"failed with {describe_exception(error, type(link.provider).__module__)}"
        raise ProviderFault(found, link.description) from error


def _can_open_file() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True


@contextmanager
def watched_call(link: Link) -> Iterator[None]:
    """Measure a call of `services/provider_calls.py` that a request waits for, and report one that takes too long."""
    try:
        with timed("store"), watch_call(link.name):
            yield
    except ProviderUnavailable as error:
        link.last_call.is_available = isinstance(error, RequestFailed)
        raise
    link.last_call.is_available = True


def ask_link(link: Link, ask: Callable[[Link], Identity | Denied]) -> Answer:
    """Return what `ask` returns for the provider, or the ProviderUnavailable that it raises."""
    try:
        with watched_call(link):
            return ask(link)
    except ProviderUnavailable as error:
        return error
