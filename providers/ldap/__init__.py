"""Users in an LDAP directory: found with a service account, proven by a bind of their own."""

from providers.ldap.provider import LdapProvider, open_ldap

__all__ = ["LdapProvider", "open_ldap"]
