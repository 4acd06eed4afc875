"""The names of attribute types (RFC 4512 §2.5): a short name, other names and OIDs for each type."""

from functools import lru_cache

# From RFC 4519, RFC 4524, RFC 2798, RFC 2307, RFC 2985, RFC 4530 and RFC 5020, and from the schemas of OpenLDAP,
# 389 Directory Server and Active Directory. The first name is the short one. Other names are compared as they are.
_NAMES = """
    objectClass 2.5.4.0
    aliasedObjectName aliasedEntryName 2.5.4.1
    cn commonName 2.5.4.3
    sn surname 2.5.4.4
    serialNumber 2.5.4.5
    c countryName 2.5.4.6
    l locality localityName 2.5.4.7
    st stateOrProvinceName s 2.5.4.8
    street streetAddress 2.5.4.9
    o organizationName 2.5.4.10
    ou organizationalUnitName 2.5.4.11
    title 2.5.4.12
    description 2.5.4.13
    businessCategory 2.5.4.15
    postalCode 2.5.4.17
    telephoneNumber 2.5.4.20
    facsimileTelephoneNumber fax 2.5.4.23
    member 2.5.4.31
    owner 2.5.4.32
    userPassword 2.5.4.35
    name 2.5.4.41
    givenName gn 2.5.4.42
    initials 2.5.4.43
    generationQualifier 2.5.4.44
    x500UniqueIdentifier 2.5.4.45
    dnQualifier 2.5.4.46
    distinguishedName dn 2.5.4.49
    uniqueMember 2.5.4.50
    uid userid 0.9.2342.19200300.100.1.1
    mail rfc822Mailbox 0.9.2342.19200300.100.1.3
    roomNumber 0.9.2342.19200300.100.1.6
    manager 0.9.2342.19200300.100.1.10
    homePhone homeTelephoneNumber 0.9.2342.19200300.100.1.20
    dc domainComponent 0.9.2342.19200300.100.1.25
    mobile mobileTelephoneNumber 0.9.2342.19200300.100.1.41
    pager pagerTelephoneNumber 0.9.2342.19200300.100.1.42
    co friendlyCountryName 0.9.2342.19200300.100.1.43
    uniqueIdentifier 0.9.2342.19200300.100.1.44
    email emailAddress pkcs9email e 1.2.840.113549.1.9.1
    departmentNumber 2.16.840.1.113730.3.1.2
    employeeNumber 2.16.840.1.113730.3.1.3 1.2.840.113556.1.2.610
    employeeType 2.16.840.1.113730.3.1.4 1.2.840.113556.1.2.613
    preferredLanguage 2.16.840.1.113730.3.1.39
    displayName 2.16.840.1.113730.3.1.241 1.2.840.113556.1.2.13
    labeledURI labeledURL 1.3.6.1.4.1.250.1.57
    uidNumber 1.3.6.1.1.1.1.0
    gidNumber 1.3.6.1.1.1.1.1
    shadowExpire 1.3.6.1.1.1.1.10
    memberUid 1.3.6.1.1.1.1.12
    entryUUID 1.3.6.1.1.16.4
    entryDN 1.3.6.1.1.20 2.16.840.1.113730.3.1.602
    nsUniqueId 2.16.840.1.113730.3.1.542
    memberOf 1.2.840.113556.1.2.102
    objectGUID 1.2.840.113556.1.4.2
    objectSid 1.2.840.113556.1.4.146
    sAMAccountName 1.2.840.113556.1.4.221
    userPrincipalName 1.2.840.113556.1.4.656
"""
_SHORT_NAMES = {
    name.lower(): names.split()[0].lower() for names in _NAMES.strip().splitlines() for name in names.split()
}


@lru_cache(4096)
def short_name(attribute: str) -> str:
    """Return an attribute with the short name of its type and with its options in order, all in lower case.

    The result is equal for two descriptions of one attribute (RFC 4512 §2.5), if the type is listed here.
    """
    name, *options = attribute.lower().split(";")
    return ";".join((_SHORT_NAMES.get(name, name), *sorted(options)))


def type_name(attribute: str) -> str:
    """Return the `short_name` of the type of an attribute, without options."""
    return short_name(attribute.partition(";")[0])
