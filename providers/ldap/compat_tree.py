"""FreeIPA's compatibility tree: the plugin slapi-nis shows each user of cn=accounts a second time in cn=compat."""

from collections.abc import Iterable

from providers.ldap.client.dn import DN, dn_key, parent_dn

_ACCOUNTS, _COMPAT = frozenset({("cn", "accounts")}), frozenset({("cn", "compat")})


def accounts_base(dns: Iterable[str]) -> str | None:
    """Return the DN below which FreeIPA has its users; `None` unless one of the DNs is in each of the two trees."""
    keys = {dn: dn_key(dn) for dn in dns}
    if not any(_is_below(key, _COMPAT) for key in keys.values()):
        return None
    return next((parent_dn(dn) for dn, key in keys.items() if _is_below(key, _ACCOUNTS)), None)


def is_compat_base(dn: str) -> bool:
    """Return whether a base DN is in a compatibility tree."""
    return _is_below(dn_key(dn), _COMPAT)


def _is_below(key: DN | str, container: frozenset[tuple[str, str]]) -> bool:
    return not isinstance(key, str) and container in key
