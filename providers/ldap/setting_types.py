"""Types of the LDAP settings, with the validation of their text.

A ValueError is the predicate of a sentence about the variable, and never quotes its value.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Json

from config.text import RoleName
from providers.ldap.client.address import parse_server_url
from providers.ldap.client.attribute_types import short_name, type_name
from providers.ldap.client.dn import parse_dn
from providers.ldap.client.filters import Filter, placeholders
from providers.ldap.login_filter import condition_on_users
from providers.ldap.tls_files import validate_authorities, validate_client_certificate

# A semicolon in a DN is escaped (RFC 4514 §2.4), or in quotes (RFC 1779 §2.3).
_DN_IN_LIST = re.compile(r'(?:\\.|"(?:\\.|[^"\\])*+"|[^;])++', re.DOTALL)
# A sAMAccountName with its NetBIOS domain, or a userPrincipalName.
_WINDOWS_NAME = re.compile(r'[^@"/\\\[\]:;|=,+*?<>]+(?:\\[^@"/\\\[\]:;|=,+*?<>]+|@[A-Za-z0-9._-]+)')


def split_list(text: str, separator: str) -> list[str]:
    """Return the parts of the text that are not blank, without the spaces around them."""
    return [part.strip() for part in text.split(separator) if part.strip()]


def has_ldaps_url(urls: object) -> bool:
    """Return whether one of the comma-separated URLs is an ldaps:// URL."""
    return any(url.lower().startswith("ldaps:") for url in split_list(str(urls), ","))


def is_dn(name: str) -> bool:
    """Return whether the name of an account is a DN, and not a Windows name."""
    try:
        parse_dn(name)
    except ValueError:
        return False
    return True


def is_dn_template(template: str) -> bool:
    """Return whether the template makes a DN, and not a Windows name."""
    return is_dn(template.replace("{login}", "x"))


def _validate_urls(text: str) -> str:
    urls = split_list(text, ",")
    if not urls:
        raise ValueError("must not be empty")
    for url in urls:
        try:
            parse_server_url(url)
        except ValueError as error:
            raise ValueError(f"has a value that {error}" if len(urls) > 1 else str(error)) from None
    return text


def _validate_dn(text: str) -> str:
    parse_dn(text)
    return text


def _validate_bind_name(text: str) -> str:
    if not is_dn(text) and not _WINDOWS_NAME.fullmatch(text):
        raise ValueError(r"is neither a DN such as cn=svc,dc=org nor a Windows name such as EXAMPLE\svc or svc@x.org")
    return text


def _split_dn_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in _DN_IN_LIST.findall(value) if part.strip()]


def _validate_template(text: str) -> str:
    if placeholders(text) != {"login"} or text.count("{") > 1:
        raise ValueError("must contain {login} exactly once")
    return text


def _validate_user_filter(text: str) -> str:
    if not placeholders(text) or not placeholders(text) <= {"login", "account"}:
        raise ValueError("must have the placeholder {login} or {account}, and no other")
    Filter(text)
    condition_on_users(text)
    return text


def _validate_group_filter(text: str) -> str:
    names = placeholders(text)
    if not names or any(name.lower() in {"dn", "username", "login"} for name in names - {"dn", "username"}):
        raise ValueError("must have placeholders, and only {dn}, {username} or attributes of the user such as {uid}")
    if any(_is_unknown_oid(type_name(name)) for name in names):
        raise ValueError("has an OID that Latchkey does not know as a placeholder; write the name of the attribute")
    Filter(text)
    return text


def _validate_attribute(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+", text):
        raise ValueError("is not the name of an attribute without options")
    if _is_unknown_oid(short_name(text)):
        raise ValueError("is an OID that Latchkey does not know; write the name of the attribute")
    return text if text.lower() == short_name(text) else short_name(text)  # Samba knows only one name of each attribute


def _is_unknown_oid(name: str) -> bool:
    return name[0].isdigit()


def _validate_role_map(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    try:
        parsed = {parse_dn(group) for group in groups}
    except ValueError as error:
        raise ValueError(f"has a group that {error}") from None
    if len(parsed) < len(groups):
        raise ValueError("has the same group twice, spelled differently")
    return groups


ServerUrls = Annotated[str, AfterValidator(_validate_urls)]
CertificateFile = Annotated[Path, AfterValidator(validate_authorities)]
ClientCertificateFile = Annotated[Path, AfterValidator(validate_client_certificate)]
DistinguishedName = Annotated[str, AfterValidator(_validate_dn)]
DistinguishedNames = Annotated[tuple[DistinguishedName, ...], BeforeValidator(_split_dn_list)]
BindName = Annotated[str, AfterValidator(_validate_bind_name)]
BindNameTemplate = Annotated[str, AfterValidator(_validate_template)]
UserFilter = Annotated[str, AfterValidator(_validate_user_filter)]
GroupFilter = Annotated[str, AfterValidator(_validate_group_filter)]
AttributeName = Annotated[str, AfterValidator(_validate_attribute)]
RoleMap = Annotated[Json[dict[str, list[RoleName]]], AfterValidator(_validate_role_map)]
