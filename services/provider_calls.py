"""The calls of a provider's methods. Their answers are validated, and their errors name the provider.

Each function raises ProviderUnavailable if the store is unavailable, and ProviderFault if the provider makes a mistake.
"""

from collections.abc import Iterator

from providers.interface import (
    UNKNOWN_USER,
    Check,
    Denied,
    Explanation,
    SupportsCheck,
    SupportsExplain,
    SupportsFind,
    SupportsListRoles,
    SupportsListUsers,
)
from services.identity import Identity, validate_denial, validate_user
from services.links import Link, translate_provider_errors, watched_call
from services.password_removal import without_password
from services.provider_answers import iterate, read_check, read_explanation, read_roles, read_truth


def authenticate_with(link: Link, login: str, password: str) -> Identity | Denied:
    """Return the answer of one provider to these credentials."""
    with translate_provider_errors(link):
        with without_password(login, password, type(link.provider).__module__):
            answer: object = link.provider.authenticate(login, password)
        if isinstance(answer, Denied):
            return validate_denial(answer)
        return Denied(UNKNOWN_USER) if answer is None else validate_user(link.name, answer, "authenticate")


def find_with(link: Link, provider: SupportsFind, username: str) -> Identity | None:
    """Return the current data of the user; `None` if they are deleted or disabled."""
    with translate_provider_errors(link):
        answer: object = provider.find(username)
        return None if answer is None or isinstance(answer, Denied) else validate_user(link.name, answer, "find")


def has_username(link: Link, username: str) -> bool:
    """Return whether the provider has this username, even if its user is disabled. A request waits for the answer."""
    with watched_call(link):
        if link.username_finder is not None:
            with translate_provider_errors(link):
                return read_truth(link.username_finder.has_username(username), "has_username")
        return link.finder is not None and find_with(link, link.finder, username) is not None


def explain_with(link: Link, provider: SupportsExplain, login: str) -> Explanation:
    """Return what `authenticate` would return for this login and the right password, and why."""
    with translate_provider_errors(link):
        return read_explanation(provider.explain(login))


def list_users_of(link: Link, provider: SupportsListUsers) -> Iterator[Identity]:
    """Yield the users who can log in now."""
    with translate_provider_errors(link):
        for answer in iterate(provider.list_users(), "list_users"):
            yield validate_user(link.name, answer, "list_users")


def list_roles_of(link: Link, provider: SupportsListRoles) -> frozenset[str]:
    """Return the roles that the store can give a user now."""
    with translate_provider_errors(link):
        return read_roles(provider.list_roles())


def check_with(link: Link, provider: SupportsCheck) -> Iterator[Check]:
    """Yield the findings of the provider about its store."""
    with translate_provider_errors(link):
        for answer in iterate(provider.check(), "check"):
            yield read_check(answer)
