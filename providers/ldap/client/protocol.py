"""The constants of LDAP that callers of the client need: search scopes, attribute selections and controls."""

from typing import Literal

Scope = Literal["BASE", "LEVEL", "SUBTREE"]
"""The scope of a search (RFC 4511 §4.5.1.2), as ldap3 names it."""

BASE: Scope = "BASE"
"""The scope of a search that returns only the entry with the base DN."""

SUBTREE: Scope = "SUBTREE"
"""The scope of a search that returns the entry with the base DN, and all entries below it."""

DN_ONLY = ("objectClass",)
"""The attributes of a search for DNs. With the attribute 1.1, which means none, some servers omit the entries, others
the cookie of the next page."""

PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - the OID of a control (draft-behera-ldap-password-policy)
PAGED_RESULTS = "1.2.840.113556.1.4.319"
START_TLS = "1.3.6.1.4.1.1466.20037"
