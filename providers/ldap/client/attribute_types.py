"""The names of attribute types that have several: a short name, a long name and an OID for each type."""

# RFC 4519 §2, RFC 4524 §2 and RFC 2985 §5.2. A name that is not listed is compared as it is.
_NAMES = """
    cn commonName 2.5.4.3
    sn surname 2.5.4.4
    serialNumber 2.5.4.5
    c countryName 2.5.4.6
    l localityName 2.5.4.7
    st stateOrProvinceName s 2.5.4.8
    street streetAddress 2.5.4.9
    o organizationName 2.5.4.10
    ou organizationalUnitName 2.5.4.11
    title 2.5.4.12
    description 2.5.4.13
    businessCategory 2.5.4.15
    postalCode 2.5.4.17
    telephoneNumber 2.5.4.20
    name 2.5.4.41
    givenName gn 2.5.4.42
    initials 2.5.4.43
    generationQualifier 2.5.4.44
    x500UniqueIdentifier 2.5.4.45
    dnQualifier 2.5.4.46
    uid userid 0.9.2342.19200300.100.1.1
    mail rfc822Mailbox 0.9.2342.19200300.100.1.3
    dc domainComponent 0.9.2342.19200300.100.1.25
    uniqueIdentifier 0.9.2342.19200300.100.1.44
    email emailAddress e 1.2.840.113549.1.9.1
    employeeNumber 2.16.840.1.113730.3.1.3
"""
_SHORT_NAMES = {
    name.lower(): names.split()[0].lower() for names in _NAMES.strip().splitlines() for name in names.split()
}


def short_name(attribute_type: str) -> str:
    """Return the short name of an attribute type, in lower case; the same text in lower case if it is not listed."""
    name = attribute_type.lower()
    return _SHORT_NAMES.get(name, name)
