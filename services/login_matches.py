"""Which user of a provider has a login, for commands that name a user by username or email."""

from dataclasses import dataclass

from providers.interface import UNKNOWN_USER, ProviderUnavailable, SupportsExplain, SupportsFind
from services.diagnosis.denial_reasons import describe_denial
from services.links import Link
from services.provider_calls import explain_with, has_username
from services.provider_faults import ProviderFault


@dataclass(frozen=True)
class LoginMatch:
    """What one provider says about a login."""

    provider: str
    username: str | None = None
    """The username of the user who has the login; `None` if no user has it, or if the username is not known."""
    obstacle: str | None = None
    """Why the username is not known: the predicate of a sentence about the provider."""
    cannot_look_up: bool = False
    """Whether the provider cannot look users up at all."""


def match_login(link: Link, login: str) -> LoginMatch:
    """Return which user of a provider has this login: as username, even if the user is disabled, otherwise as email."""
    try:
        return _match(link, login)
    except ProviderUnavailable as error:
        return LoginMatch(link.name, obstacle=error.statement)
    except ProviderFault as error:
        return LoginMatch(link.name, obstacle=error.found)


def _match(link: Link, login: str) -> LoginMatch:
    if has_username(link, login):
        return LoginMatch(link.name, login)
    if isinstance(link.provider, SupportsExplain):
        explanation = explain_with(link, link.provider, login)
        if explanation.user:
            return LoginMatch(link.name, explanation.user["username"])
        if explanation.reason != UNKNOWN_USER:
            return LoginMatch(link.name, obstacle=f"denies it: {describe_denial(explanation.reason).text}")
    return LoginMatch(link.name, cannot_look_up=not isinstance(link.provider, SupportsFind | SupportsExplain))
