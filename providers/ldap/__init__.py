"""The LDAP providers: users of a directory such as OpenLDAP or Active Directory, authenticated by a bind."""

from providers.ldap.direct_bind_provider import DirectBindProvider
from providers.ldap.search_provider import SearchProvider, open_ldap

__all__ = ["DirectBindProvider", "SearchProvider", "open_ldap"]
