"""Types of the LDAP settings, with the validation of their text.

A ValueError is the predicate of a sentence about the variable, and never quotes its value.
"""

import re
import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Json

from config.files import UnusableFile, read_file
from config.text import Name
from providers.ldap.client.address import parse_server_url
from providers.ldap.client.dn import parse_dn
from providers.ldap.client.filters import Filter, placeholders


def split_list(text: str, separator: str) -> list[str]:
    """Return the parts of the text that are not blank, without the spaces around them."""
    return [part.strip() for part in text.split(separator) if part.strip()]


def has_ldaps_url(urls: object) -> bool:
    """Return whether one of the comma-separated URLs is an ldaps:// URL."""
    return any(url.startswith("ldaps:") for url in split_list(str(urls), ","))


def is_dn_template(template: str) -> bool:
    """Return whether the template makes a DN, and not a Windows name."""
    try:
        parse_dn(template.replace("{login}", "x"))
    except ValueError:
        return False
    return True


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


def _validate_certificates(path: Path) -> Path:
    try:
        read_file(path)
        ssl.create_default_context(cafile=path)
    except UnusableFile as error:
        raise ValueError(f"names a file that {error}") from None
    except OSError:  # ssl.SSLError is a subclass
        raise ValueError("names a file without readable certificates") from None
    return path


def _validate_dn(text: str) -> str:
    parse_dn(text)
    return text


def _split_dn_list(value: object) -> object:
    # A semicolon in a DN is escaped (RFC 4514 §2.4).
    return split_list(value, ";") if isinstance(value, str) else value


def _validate_template(text: str) -> str:
    if placeholders(text) != {"login"} or text.count("{") > 1:
        raise ValueError("must contain {login} exactly once")
    return text


def _validate_user_filter(text: str) -> str:
    if not placeholders(text) or not placeholders(text) <= {"login", "account"}:
        raise ValueError("must have the placeholder {login} or {account}, and no other")
    Filter(text)
    return text


def _validate_group_filter(text: str) -> str:
    names = placeholders(text)
    if not names or any(name.lower() in {"dn", "username", "login"} for name in names - {"dn", "username"}):
        raise ValueError("must have placeholders, and only {dn}, {username} or attributes of the user such as {uid}")
    Filter(text)
    return text


def _validate_attribute(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", text):
        raise ValueError("is not the name of an attribute without options")
    return text


def _validate_role_map(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    try:
        parsed = {parse_dn(group) for group in groups}
    except ValueError as error:
        raise ValueError(f"has a group that {error}") from None
    if len(parsed) < len(groups):
        raise ValueError("has the same group twice, spelled differently")
    return groups


ServerUrls = Annotated[str, AfterValidator(_validate_urls)]
CertificateFile = Annotated[Path, AfterValidator(_validate_certificates)]
DistinguishedName = Annotated[str, AfterValidator(_validate_dn)]
DistinguishedNames = Annotated[tuple[DistinguishedName, ...], BeforeValidator(_split_dn_list)]
BindNameTemplate = Annotated[str, AfterValidator(_validate_template)]
UserFilter = Annotated[str, AfterValidator(_validate_user_filter)]
GroupFilter = Annotated[str, AfterValidator(_validate_group_filter)]
AttributeName = Annotated[str, AfterValidator(_validate_attribute)]
RoleMap = Annotated[Json[dict[str, list[Name]]], AfterValidator(_validate_role_map)]
