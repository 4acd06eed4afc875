"""The chain: providers asked in order, each name belonging to the first that knows it."""

import logging
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from config.text import Name, casefold_name
from providers.interface import SHADOWED, UNKNOWN_USER, AuthProvider, Denied, ProviderUnavailable, SupportsFind, User

log = logging.getLogger(__name__)


class Identity(User):
    """A user, and the name of the provider that knows them."""

    idp: str


@dataclass(frozen=True)
class Link:
    """A provider in the chain. `skip_unavailable` says that the others are asked while it is out."""

    name: str
    provider: AuthProvider
    skip_unavailable: bool = False


class Chain:
    """Asks one provider after the other. Thread-safe, as they are."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = tuple(links)

    def authenticate(self, login: str, password: str) -> Identity | Denied:
        """Return the user whom the first provider that knows this login proves, or why nobody is proven.

        Raises ProviderUnavailable if nobody let the user in and a link is out, which might have. All who
        are not let in then get the same answer, so an outage does not tell which names the others know.
        """
        asked: list[Link] = []
        outage: ProviderUnavailable | None = None
        answer: Identity | Denied = Denied(UNKNOWN_USER)
        for link in self.links:
            try:
                reply = _ask(link, login, password)
            except ProviderUnavailable as error:
                if not link.skip_unavailable:
                    raise
                log.warning("skipping a provider that is unavailable: %s", error)
                outage = error
                continue
            if not answer and answer.reason != UNKNOWN_USER:
                continue  # it was settled before, and this was a decoy
            answer = Denied(SHADOWED) if reply and known_to(asked, reply["username"]) else reply
            if answer:
                return answer
            asked.append(link)
            if answer.reason != UNKNOWN_USER:
                # The others still do what an unknown user costs, so that neither clock nor outage tells who
                # is known; for a name that nobody has, lest the real one be locked there.
                login = f"decoy-{secrets.token_hex(8)}"
        if outage:
            raise outage
        return answer

    def finds(self, idp: str) -> bool:
        """Say whether the provider of this name can look users up without a password."""
        return any(link.name == idp and isinstance(link.provider, SupportsFind) for link in self.links)

    def find(self, idp: str, username: str) -> Identity | None:
        """Return the user as the provider of this name has them now.

        `None` if they are gone or disabled, or the provider is. Raises ProviderUnavailable if it is out.
        """
        for link in self.links:
            if link.name == idp and isinstance(link.provider, SupportsFind):
                with translate_provider_errors(link):
                    answer = link.provider.find(username)
                user = checked_user(link.name, answer) if answer else None
                return user if user and casefold_name(user["username"]) == casefold_name(username) else None
        return None


@contextmanager
def translate_provider_errors(link: Link) -> Iterator[None]:
    """Raise ProviderUnavailable, with the provider's name, for all errors that mean that a store cannot be asked."""
    try:
        yield
    except ProviderUnavailable as error:
        raise ProviderUnavailable(error.reason, link.name) from error
    except OSError as error:
        raise ProviderUnavailable(type(error).__name__, link.name) from error


def _ask(link: Link, login: str, password: str) -> Identity | Denied:
    with translate_provider_errors(link):
        answer = link.provider.authenticate(login, password)
    if isinstance(answer, Denied):
        return answer
    return Denied(UNKNOWN_USER) if answer is None else checked_user(link.name, answer)


class _UserShape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    username: Name
    email: Name | None
    roles: list[Name]


def checked_user(name: str, answer: Any) -> Identity:
    """Return someone else's answer if it has the shape of a user; TypeError if not, so that its author sees it."""
    try:
        user = _UserShape.model_validate(answer)
    except ValidationError as error:
        faults = ", ".join(".".join(map(str, fault["loc"])) or "all of it" for fault in error.errors())
        raise TypeError(f"the provider {name} answered with something that is no user; wrong: {faults}") from None
    return Identity(username=user.username, email=user.email, roles=user.roles, idp=name)


def known_to(links: Iterable[Link], username: str) -> bool:
    """Say whether a link that did not know the login knows the username, and so owns it."""
    for link in links:
        if isinstance(link.provider, SupportsFind):
            with translate_provider_errors(link):
                if link.provider.find(username):
                    return True
    return False
