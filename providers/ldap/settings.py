"""The settings of the LDAP provider."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, Json, SecretStr, ValidationInfo, field_validator

from config.section import Section
from config.service_settings import NameList
from config.text import Name
from providers.ldap.client.dn import parse_dn
from providers.ldap.client.filters import Filter, places_in

_HOST_AND_PORT = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_ATTRIBUTE = r"^[A-Za-z][A-Za-z0-9.;-]*$"
_WINDOWS_LOGINS = "(&(objectCategory=person)(|(sAMAccountName={account})(userPrincipalName={login})(mail={login})))"


@dataclass(frozen=True)
class ServerAddress:
    """Where a server listens, and how it is spoken to."""

    host: str
    port: int
    ldaps: bool = False
    """TLS before LDAP speaks; else StartTLS comes before anything else is said (RFC 4511 §4.14)."""
    plaintext: bool = False
    """No TLS at all."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _servers(text: str) -> str:
    for url in _split(text, ","):
        _server(url)
    if not _split(text, ","):
        raise ValueError("it names no LDAP server")
    return text


def _server(url: str) -> ServerAddress:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        named = parts.scheme in {"ldap", "ldaps"} and host != "" and parts.port != 0
    except ValueError:  # the message has the host or the port in it
        named = False
    if not named:
        raise ValueError("it names no LDAP server")
    if not _HOST_AND_PORT.fullmatch(parts.netloc) or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it has more than a server and a port")
    ldaps = parts.scheme == "ldaps"
    return ServerAddress(host, parts.port or (636 if ldaps else 389), ldaps)


def _split(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _dn(text: str) -> str:
    parse_dn(text)
    return text


def _bases(value: object) -> object:
    # Unescaped, `;` is in no DN (RFC 4514 §2.4).
    return _split(value, ";") if isinstance(value, str) else value


def _dn_keys(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    if len({parse_dn(group) for group in groups}) < len(groups):
        raise ValueError("a group stands there twice, spelt in two ways")
    return groups


def _user_filter(text: str) -> str:
    if not places_in(text) or not places_in(text) <= {"login", "account"}:
        raise ValueError("what stands in it must be {login} or {account}")
    Filter(text)
    return text


def _group_filter(text: str) -> str:
    places = places_in(text)
    if not places or any(place.lower() in {"dn", "username", "login"} for place in places - {"dn", "username"}):
        raise ValueError("what stands in it must be {dn}, {username}, or an attribute of the user such as {uid}")
    Filter(text)
    return text


def _template(text: str) -> str:
    if places_in(text) != {"login"} or text.count("{") > 1:
        raise ValueError("{login} must stand in it, once")
    return text


def is_dn_template(template: str) -> bool:
    """Say whether what users bind as is a DN, and not a name as Windows has them."""
    try:
        parse_dn(template.replace("{login}", "x"))
    except ValueError:
        return False
    return True


def _certificates(path: FilePath) -> FilePath:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:  # ssl.SSLError is one
        raise ValueError("it holds no certificates that can be read") from None
    return path


DistinguishedName = Annotated[str, AfterValidator(_dn)]
Bases = Annotated[tuple[DistinguishedName, ...], BeforeValidator(_bases)]


class LdapSettings(Section):
    """Which directory is asked, as whom, and what its entries mean."""

    prefix: ClassVar[str] = "LDAP_"
    renamed: ClassVar[Mapping[str, str]] = {
        "LDAP_BIND_TEMPLATE": "LDAP_USER_DN_TEMPLATE",
        "LDAP_CONNECTIONS": "LDAP_POOL_SIZE",
        "LDAP_ROLES_FILE": "LDAP_ROLE_RULES_FILE",
    }

    url: Annotated[str, AfterValidator(_servers)] = Field(
        description="ldap://host or ldaps://host, with :port if it is an unusual one, or several by comma"
    )
    insecure_plaintext: bool = Field(
        False, description="true only if passwords may cross the network for everybody to read"
    )
    start_tls: bool | None = Field(None, description="true for StartTLS, which ldap:// does anyway, or nothing")
    ca_file: Annotated[FilePath, AfterValidator(_certificates)] | None = Field(
        None, description="the path of a PEM file with the certificates to trust, instead of the system's"
    )
    bind_dn: DistinguishedName | None = Field(None, description="the DN of an account that may search")
    bind_password: SecretStr | None = Field(
        None, validate_default=True, description="the password of LDAP_BIND_DN, if there is one"
    )
    user_dn_template: Annotated[str, AfterValidator(_template)] | None = Field(
        None,
        validate_default=True,
        description="the DN or name as which users bind where no account may search, with {login} for what was typed",
    )
    active_directory: bool = Field(
        False, validate_default=True, description="true if it is an Active Directory, or nothing"
    )
    domain: NameList = Field(
        (), description=r"the domain that users may add to their name, as in EXAMPLE\name, or several by comma"
    )
    base_dn: Bases = Field(min_length=1, description="the DN below which the users are, or several by semicolon")
    user_filter: Annotated[str, AfterValidator(_user_filter)] | None = Field(
        None,
        description="an LDAP filter that finds a user, {login} being what was typed, {account} that without a domain",
    )
    username_attribute: str | None = Field(
        None, pattern=_ATTRIBUTE, description="the attribute that becomes `username`"
    )
    email_attribute: str = Field("mail", pattern=_ATTRIBUTE, description="the attribute that becomes `email`")
    group_base_dn: Bases = Field(
        (),
        description="the DN below which groups are searched, several by semicolon, or nothing to read memberOf",
    )
    group_filter: Annotated[str, AfterValidator(_group_filter)] = Field(
        "(|(member={dn})(uniqueMember={dn}))",
        description="an LDAP filter that finds a user's groups, by {dn}, {username}, or an attribute such as {uid}",
    )
    nested_groups: bool = Field(
        False, description="true if who is in a group is also in the groups that it is in, or nothing"
    )
    role_map: Annotated[Json[dict[str, list[Name]]], AfterValidator(_dn_keys)] = Field(
        {}, description='a JSON object from group to roles, such as {"cn=admins,dc=example,dc=org": ["admin"]}'
    )
    role_rules_file: Path | None = Field(None, description="the path of a TOML file with rules from groups to roles")
    timeout_seconds: int = Field(
        5, ge=1, le=60, description="the seconds that a login may wait for the directory, 1 to 60"
    )
    pool_size: int = Field(
        8, ge=1, le=100, description="the connections of each kind that are kept to a server at most, 1 to 100"
    )

    @property
    def servers(self) -> tuple[ServerAddress, ...]:
        """The servers, in the order in which they are asked."""
        addresses = map(_server, _split(self.url, ","))
        return tuple(replace(address, plaintext=self.insecure_plaintext) for address in addresses)

    @property
    def username(self) -> str:
        """The attribute that becomes `username`."""
        return self.username_attribute or ("sAMAccountName" if self.active_directory else "uid")

    @property
    def login_filter(self) -> str:
        """The filter that finds a user by {login}."""
        return self.user_filter or (_WINDOWS_LOGINS if self.active_directory else "(|(uid={login})(mail={login}))")

    def tls(self) -> ssl.SSLContext:
        """Return how servers must prove themselves: by a good certificate for the name in LDAP_URL."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file:
            context.load_verify_locations(self.ca_file)
        else:
            context.load_default_certs()
        return context

    # Each looks only at fields above its own, and is asked even where another field is at fault.
    @field_validator("insecure_plaintext")
    @classmethod
    def _plaintext_has_a_place(cls, insecure: bool, others: ValidationInfo) -> bool:
        if insecure and _is_ldaps(others.data.get("url")):
            raise ValueError("it contradicts ldaps:// in LDAP_URL")
        return insecure

    @field_validator("start_tls")
    @classmethod
    def _start_tls_has_a_place(cls, start_tls: bool | None, others: ValidationInfo) -> bool | None:
        insecure = others.data.get("insecure_plaintext")
        if start_tls and _is_ldaps(others.data.get("url")):
            raise ValueError("with ldaps:// in LDAP_URL there is TLS already")
        if start_tls and insecure:
            raise ValueError("it contradicts LDAP_INSECURE_PLAINTEXT")
        if start_tls is False and not insecure and not _is_ldaps(others.data.get("url")):
            raise ValueError("passwords would cross the network in clear")
        return start_tls

    @field_validator("user_dn_template")
    @classmethod
    def _binds_in_one_way(cls, template: str | None, others: ValidationInfo) -> str | None:
        if template and others.data.get("bind_dn"):
            raise ValueError("it contradicts LDAP_BIND_DN, as which users would be found")
        return template

    @field_validator("active_directory")
    @classmethod
    def _names_are_windows(cls, active_directory: bool, others: ValidationInfo) -> bool:
        template = others.data.get("user_dn_template")
        if template and not active_directory and not is_dn_template(template):
            raise ValueError("without it, LDAP_USER_DN_TEMPLATE must be a DN")
        return active_directory

    @field_validator("bind_password")
    @classmethod
    def _account_is_whole(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if "bind_dn" in others.data and (password is None) != (others.data["bind_dn"] is None):
            raise ValueError("it and LDAP_BIND_DN belong together")
        return password


def _is_ldaps(urls: object) -> bool:
    return any(url.startswith("ldaps:") for url in _split(str(urls), ","))
