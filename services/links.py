"""A provider in the chain, and the calls to it: watched, and with errors that name the provider."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from audit.operation import timed
from providers.interface import (
    UNKNOWN_USER,
    AuthProvider,
    Denied,
    Overloaded,
    ProviderUnavailable,
    RequestFailed,
    SupportsFind,
    SupportsHasUsername,
)
from services.identity import Identity, validate_denial, validate_user
from services.password_removal import without_password
from services.provider_watch import watch_call


@dataclass(frozen=True)
class Link:
    """A provider in the chain."""

    name: str
    provider: AuthProvider
    skip_unavailable: bool = False
    """Whether the next provider is asked while this one is unavailable. Otherwise the login fails."""

    def skips(self, error: ProviderUnavailable) -> bool:
        """Return whether the next provider is asked after this error of this one."""
        return self.skip_unavailable and not isinstance(error, RequestFailed)


Answer = Identity | Denied | ProviderUnavailable
"""The answer of a provider about a login: the user, a denial, or that its store is unavailable."""


@contextmanager
def translate_provider_errors(link: Link) -> Iterator[None]:
    """Raise ProviderUnavailable, with the provider's name, for all errors that mean that its store is unavailable.

    While this process has too many open files, every store seems unavailable. Then raises Overloaded instead, so that
    none is skipped.
    """
    try:
        yield
    except (ProviderUnavailable, OSError) as error:
        if not _can_open_file():
            raise Overloaded("this process has too many open files") from error
        reason = error.reason if isinstance(error, ProviderUnavailable) else type(error).__name__
        named = RequestFailed if isinstance(error, RequestFailed) else ProviderUnavailable
        raise named(reason, link.name) from error


def _can_open_file() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True


@contextmanager
def watched_call(link: Link) -> Iterator[None]:
    """Translate the errors of a call that a request waits for, and report the provider if it takes too long."""
    with timed("store"), watch_call(link.name), translate_provider_errors(link):
        yield


def ask_link(link: Link, ask: Callable[[Link], Identity | Denied]) -> Answer:
    """Return what `ask` returns for the provider, or the ProviderUnavailable that it raises."""
    try:
        with watched_call(link):
            return ask(link)
    except ProviderUnavailable as error:
        return error


def has_username(link: Link, username: str) -> bool:
    """Return whether the provider has this username, even if its user is disabled.

    Raises ProviderUnavailable; and TypeError if the provider returns neither True nor False, such as `None`.
    """
    with watched_call(link):
        if isinstance(link.provider, SupportsHasUsername):
            answer: object = link.provider.has_username(username)
            if not isinstance(answer, bool):
                raise TypeError(f"the provider {link.name} returned neither True nor False from has_username")
            return answer
        return isinstance(link.provider, SupportsFind) and bool(link.provider.find(username))


def authenticate_with(link: Link, login: str, password: str) -> Identity | Denied:
    """Return the answer of one provider. Raises what `AuthProvider.authenticate` and `validate_user` raise."""
    with without_password(login, password):
        answer = link.provider.authenticate(login, password)
    if isinstance(answer, Denied):
        return validate_denial(answer)
    return Denied(UNKNOWN_USER) if answer is None else validate_user(link.name, answer)
