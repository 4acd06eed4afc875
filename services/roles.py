"""The roles that users and machines can have, and those that a misspelled role resembles."""

from collections.abc import Collection
from difflib import get_close_matches

from config.text import casefold_name
from database.errors import DatabaseUnavailable
from providers.interface import ProviderUnavailable, SupportsListRoles
from services.chain import Chain
from services.context import Services
from services.provider_calls import list_roles_of


class RolesUnknown(Exception):
    """The roles that users can have are not known. The message is the reason."""


def possible_roles(services: Services, failed: Collection[str] = ()) -> frozenset[str]:
    """Return the roles that the providers can give, and those of OAuth clients and service tokens. Raises RolesUnknown.

    The providers named in `failed` are not asked.
    """
    roles = available_roles(services.chain, failed) | services.clients.roles
    if services.service_tokens is None:
        return roles
    try:
        return roles | services.service_tokens.role_names()
    except DatabaseUnavailable as error:
        raise RolesUnknown(f"the database cannot be used: {error}") from None


def available_roles(chain: Chain, failed: Collection[str] = ()) -> frozenset[str]:
    """Return the roles that the providers can give. Raises RolesUnknown.

    The providers named in `failed` are not asked.
    """
    roles: frozenset[str] = frozenset()
    for link in chain.links:
        if link.name in failed:
            raise RolesUnknown(f"the checks of {link.name} failed")
        if not isinstance(link.provider, SupportsListRoles):
            raise RolesUnknown(f"{link.name} does not list its roles (it has no `list_roles`)")
        try:
            roles |= list_roles_of(link, link.provider)
        except ProviderUnavailable as error:
            raise RolesUnknown(f"{link.name} {error.statement}") from None
    return roles


def similar_roles(role: str, available: Collection[str]) -> list[str]:
    """Return at most two of the available roles whose spelling resembles that of `role`."""
    by_folded = {casefold_name(other): other for other in sorted(available)}
    return [by_folded[folded] for folded in get_close_matches(casefold_name(role), by_folded, n=2, cutoff=0.75)]
