"""Users in an LDAP directory: found with a service account, proven by a bind of their own."""

from providers.ldap.direct_bind_provider import DirectBindProvider
from providers.ldap.search_provider import LdapProvider, open_ldap

__all__ = ["DirectBindProvider", "LdapProvider", "open_ldap"]
