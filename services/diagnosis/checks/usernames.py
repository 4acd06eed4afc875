"""The checks of a chain: usernames that several providers have, and providers that do not report theirs."""

from collections.abc import Iterator
from itertools import islice

from providers.interface import Check, ProviderUnavailable, SupportsHasUsername, SupportsListUsers
from services.chain import Chain
from services.identity import Identity
from services.links import Link
from services.provider_calls import list_users_of

STEP = "usernames"
MAX_CHECKED_USERS = 1000
"""Only so many users of each provider are checked, because each costs a lookup in all earlier providers."""


def check_usernames(chain: Chain) -> Iterator[Check]:
    """Yield which providers do not report their usernames, and which users have the username of an earlier provider."""
    for link in chain.links[:-1]:
        if not isinstance(link.provider, SupportsHasUsername):
            yield _check_capability(link)
    for link in chain.links[1:]:
        if isinstance(link.provider, SupportsListUsers):
            try:
                yield _check_users(chain, link, [*islice(list_users_of(link, link.provider), MAX_CHECKED_USERS)])
            except ProviderUnavailable as error:
                found = f"not known for the users of {link.name}, because {error.provider} {error.statement}"
                yield Check(STEP, "warning", found, "Correct what this provider reports, and run the command again")


def _check_capability(link: Link) -> Check:
    found = (
        f"{link.name} does not report its usernames (it has no `has_username`), so a later provider may have them too"
    )
    return Check(STEP, "warning", found, "Put this provider last in AUTH_PROVIDER, or see docs/chains.md")


def _check_users(chain: Chain, link: Link, users: list[Identity]) -> Check:
    shadowed = [(owner.name, user["username"]) for user in users if (owner := chain.owner_before(user))]
    if shadowed:
        example = "{} has the username {}".format(*shadowed[0])
        found = f"{len(shadowed):,} of the users of {link.name} cannot log in: for example, {example}"
        return Check(STEP, "warning", found, "Rename or delete one of the two users of each username")
    which = f"none of the first {MAX_CHECKED_USERS:,} users" if len(users) == MAX_CHECKED_USERS else "no user"
    return Check(STEP, "ok", f"{which} of {link.name} has a username of an earlier provider")
