"""The identity of an entry and the state of its credentials, which a session compares at each refresh."""

import re
from hashlib import sha256

from providers.ldap.client.responses import Entry

# The server sets them when it adds an entry, and never changes them. The first that an entry has is its record id.
ID_ATTRIBUTES = (
    "objectGUID",  # Active Directory
    "nsUniqueId",  # 389 Directory Server, FreeIPA
    "entryUUID",  # RFC 4530: OpenLDAP, OpenDJ, ApacheDS
    "GUID",  # eDirectory
    "ibm-entryUUID",
    "orclGUID",
    "ipaUniqueID",
)
"""The attributes that identify an entry."""

CHANGE_ATTRIBUTES = (
    "pwdChangedTime",  # draft-behera-ldap-password-policy: OpenLDAP, OpenDJ
    "pwdLastSet",  # Active Directory
    "pwdUpdateTime",  # 389 Directory Server, with passwordTrackUpdateTime
    "krbLastPwdChange",  # FreeIPA
    "sambaPwdLastSet",
    "shadowLastChange",
    "userPassword",
)
"""The attributes that change with a password. A login changes none of them."""

RECORD_ATTRIBUTES = (*ID_ATTRIBUTES, *CHANGE_ATTRIBUTES)
"""The attributes that the functions of this module read. Most are operational, so a search must name them."""

# A digest of a password that is stored as plain text could be used to guess it.
_HASH = re.compile(rb"\{(?!CLEAR)[^}]+\}|\$", re.IGNORECASE)


def record_id(entry: Entry) -> str | None:
    """Return an identifier that no other entry has, not even a later one with the same DN.

    Return `None` if the directory has no such identifier, or the account may not read it.
    """
    values = ((name, entry.attributes.get(name.lower())) for name in ID_ATTRIBUTES)
    return next((_digest(name, *value) for name, value in values if value), None)


def is_same_record(entry: Entry, other: Entry) -> bool:
    """Return whether both are the same entry. Both must be from one server, which spells the DN the same each time."""
    return entry.dn == other.dn and record_id(entry) == record_id(other)


def credential_stamp(entry: Entry) -> str:
    """Return a text that changes with the password, as far as the account may read attributes that change with it.

    An attribute that is missing is part of the stamp, because it may appear with the next change.
    """
    values = (entry.attributes.get(name.lower(), []) for name in CHANGE_ATTRIBUTES[:-1])
    hashes = [value for value in entry.attributes.get("userpassword", []) if _HASH.match(value)]
    return _digest(record_id(entry), *map(sorted, values), sorted(hashes))


def _digest(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()
