"""Types of the LDAP settings: how the text of a variable is validated. No error message contains the text."""

import ssl
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, FilePath, Json, StringConstraints

from config.text import Name
from providers.ldap.client.address import parse_server_url
from providers.ldap.client.dn import parse_dn
from providers.ldap.client.filters import Filter, placeholders


def split_list(text: str, separator: str) -> list[str]:
    """Return the parts between separators that are not blank, without the spaces around them."""
    return [part.strip() for part in text.split(separator) if part.strip()]


def has_ldaps_url(urls: object) -> bool:
    """Return whether one of the comma-separated URLs is an ldaps:// URL."""
    return any(url.startswith("ldaps:") for url in split_list(str(urls), ","))


def is_dn_template(template: str) -> bool:
    """Return whether users bind as a DN with this template, and not as a Windows name."""
    try:
        parse_dn(template.replace("{login}", "x"))
    except ValueError:
        return False
    return True


def _validate_urls(text: str) -> str:
    urls = split_list(text, ",")
    if not urls:
        raise ValueError("it is not the URL of an LDAP server")
    for url in urls:
        parse_server_url(url)
    return text


def _validate_certificates(path: FilePath) -> FilePath:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:  # ssl.SSLError is a subclass
        raise ValueError("it has no readable certificates") from None
    return path


def _validate_dn(text: str) -> str:
    parse_dn(text)
    return text


def _split_dns(value: object) -> object:
    # A semicolon in a DN is escaped (RFC 4514 §2.4).
    return split_list(value, ";") if isinstance(value, str) else value


def _validate_template(text: str) -> str:
    if placeholders(text) != {"login"} or text.count("{") > 1:
        raise ValueError("it must contain {login} exactly once")
    return text


def _validate_user_filter(text: str) -> str:
    if not placeholders(text) or not placeholders(text) <= {"login", "account"}:
        raise ValueError("its placeholders must be {login} or {account}")
    Filter(text)
    return text


def _validate_group_filter(text: str) -> str:
    names = placeholders(text)
    if not names or any(name.lower() in {"dn", "username", "login"} for name in names - {"dn", "username"}):
        raise ValueError("its placeholders must be {dn}, {username}, or an attribute of the user such as {uid}")
    Filter(text)
    return text


def _validate_role_map(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    if len({parse_dn(group) for group in groups}) < len(groups):
        raise ValueError("it has the same group twice, spelled differently")
    return groups


ServerUrls = Annotated[str, AfterValidator(_validate_urls)]
CertificateFile = Annotated[FilePath, AfterValidator(_validate_certificates)]
DistinguishedName = Annotated[str, AfterValidator(_validate_dn)]
DistinguishedNames = Annotated[tuple[DistinguishedName, ...], BeforeValidator(_split_dns)]
BindNameTemplate = Annotated[str, AfterValidator(_validate_template)]
UserFilter = Annotated[str, AfterValidator(_validate_user_filter)]
GroupFilter = Annotated[str, AfterValidator(_validate_group_filter)]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9.;-]*$")]
RoleMap = Annotated[Json[dict[str, list[Name]]], AfterValidator(_validate_role_map)]
