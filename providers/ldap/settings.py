"""The settings of the LDAP provider."""

import re
import ssl
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, FilePath, Json, SecretStr, ValidationInfo, field_validator

from config.names import Name
from config.section import Section
from providers.ldap.dn import parse_dn
from providers.ldap.filters import check_filter, fill, places_in

_HOST_AND_PORT = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_ATTRIBUTE = r"^[A-Za-z][A-Za-z0-9.;-]*$"


def _server(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        named = parts.scheme in {"ldap", "ldaps"} and host != b"" and parts.port != 0
    except ValueError:  # the message has the host or the port in it
        named = False
    if not named:
        raise ValueError("it names no LDAP server")
    if not _HOST_AND_PORT.fullmatch(parts.netloc) or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it has more than a server and a port")
    return f"{parts.scheme}://{parts.netloc}"


def _dn(text: str) -> str:
    parse_dn(text)
    return text


def _dn_keys(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    if len({parse_dn(group) for group in groups}) < len(groups):
        raise ValueError("a group stands there twice, spelt in two ways")
    return groups


def _filter_for(*places: str) -> AfterValidator:
    def check(text: str) -> str:
        found = places_in(text)
        if not found or not found <= set(places):
            raise ValueError(f"what stands in it must be {' or '.join(f'{{{place}}}' for place in places)}")
        check_filter(fill(text, **dict.fromkeys(places, "x")))
        return text

    return AfterValidator(check)


def _certificates(path: FilePath) -> FilePath:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:  # ssl.SSLError is one
        raise ValueError("it holds no certificates that can be read") from None
    return path


DistinguishedName = Annotated[str, AfterValidator(_dn)]


class LdapSettings(Section):
    """Which directory is asked, as whom, and what its entries mean."""

    prefix: ClassVar[str] = "LDAP_"

    url: Annotated[str, AfterValidator(_server)] = Field(
        description="ldap://host or ldaps://host, with :port if it is an unusual one"
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
    base_dn: DistinguishedName = Field(description="the DN below which the users are")
    user_filter: Annotated[str, _filter_for("login")] = Field(
        "(|(uid={login})(mail={login}))", description="an LDAP filter that finds a user, {login} being what was typed"
    )
    username_attribute: str = Field("uid", pattern=_ATTRIBUTE, description="the attribute that becomes `username`")
    email_attribute: str = Field("mail", pattern=_ATTRIBUTE, description="the attribute that becomes `email`")
    group_base_dn: DistinguishedName | None = Field(
        None, description="the DN below which groups are searched, or nothing to read the user's memberOf"
    )
    group_filter: Annotated[str, _filter_for("dn", "username")] = Field(
        "(|(member={dn})(uniqueMember={dn}))",
        description="an LDAP filter that finds a user's groups, by {dn} or {username}",
    )
    role_map: Annotated[Json[dict[str, list[Name]]], AfterValidator(_dn_keys)] = Field(
        {}, description='a JSON object from group to roles, such as {"cn=admins,dc=example,dc=org": ["admin"]}'
    )
    timeout_seconds: int = Field(5, ge=1, le=60, description="the seconds to wait for each answer, 1 to 60")

    @property
    def tls_from_the_start(self) -> bool:
        """Whether the connection is TLS before LDAP speaks (ldaps://)."""
        return _is_ldaps(self.url)

    @property
    def upgrades_to_tls(self) -> bool:
        """Whether StartTLS (RFC 4511 §4.14) comes before anything else."""
        return not self.tls_from_the_start and not self.insecure_plaintext

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

    @field_validator("bind_password")
    @classmethod
    def _account_is_whole(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if "bind_dn" in others.data and (password is None) != (others.data["bind_dn"] is None):
            raise ValueError("it and LDAP_BIND_DN belong together")
        return password


def _is_ldaps(url: object) -> bool:
    return str(url).startswith("ldaps:")
