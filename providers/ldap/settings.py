"""The settings of the LDAP provider."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from config.section import Section
from config.service_settings import NameList
from providers.ldap.client.address import ServerAddress, parse_server_url
from providers.ldap.setting_types import (
    AttributeName,
    BindName,
    BindNameTemplate,
    CertificateFile,
    ClientCertificateFile,
    DistinguishedNames,
    GroupFilter,
    RoleMap,
    ServerUrls,
    UserFilter,
    has_ldaps_url,
    is_dn,
    is_dn_template,
    split_list,
)
from providers.ldap.tls_files import client_context, validate_client_key

_LOGIN_FILTER = "(|(uid={login})(mail={login}))"
_WINDOWS_LOGIN_FILTER = (
    "(&(objectCategory=person)(|(sAMAccountName={account})(userPrincipalName={login})(mail={login})))"
)


class LdapSettings(Section):
    """The directory, the service account, and the meaning of the directory's entries."""

    prefix: ClassVar[str] = "LDAP_"
    renamed: ClassVar[Mapping[str, str]] = {
        "LDAP_BIND_TEMPLATE": "LDAP_USER_DN_TEMPLATE",
        "LDAP_CONNECTIONS": "LDAP_POOL_SIZE",
        "LDAP_ROLES_FILE": "LDAP_ROLE_RULES_FILE",
    }

    url: ServerUrls = Field(
        description="ldap://host or ldaps://host, with :port if it is not the default, or several, comma-separated"
    )
    insecure_plaintext: bool = Field(False, description="true only if passwords may cross the network unencrypted")
    start_tls: bool | None = Field(None, description="true, or unset it: ldap:// uses StartTLS by default")
    ca_file: CertificateFile | None = Field(
        None, description="the path of a PEM file with the certificates to trust instead of the system's"
    )
    cert_file: ClientCertificateFile | None = Field(
        None, description="the path of a PEM file with the client's certificate, if the server requires one"
    )
    key_file: Path | None = Field(
        None, validate_default=True, description="the path of a PEM file with the private key of LDAP_CERT_FILE"
    )
    bind_dn: BindName | None = Field(
        None, description=r"the DN of an account that may search, or its Windows name with LDAP_ACTIVE_DIRECTORY=true"
    )
    bind_password: SecretStr | None = Field(
        None, validate_default=True, description="the password of LDAP_BIND_DN, if that is set"
    )
    user_dn_template: BindNameTemplate | None = Field(
        None,
        validate_default=True,
        description="the DN or Windows name that users bind as, with {login} for the login, if no account may search",
    )
    active_directory: bool = Field(
        False, validate_default=True, description="true for Active Directory, false for any other directory"
    )
    domain: NameList = Field(
        (),
        description=r"the domain that users may add to their name, as in EXAMPLE\name, or several, comma-separated",
    )
    base_dn: DistinguishedNames = Field(
        min_length=1, description="the DN below which the users are, or several, semicolon-separated"
    )
    user_filter: UserFilter | None = Field(
        None,
        description="an LDAP filter that finds a user, with {login} for the login or {account} without its domain",
    )
    username_attribute: AttributeName | None = Field(None, description="the attribute that becomes `username`")
    email_attribute: AttributeName = Field("mail", description="the attribute that becomes `email`")
    group_base_dn: DistinguishedNames = Field(
        (),
        description="the DN below which the groups are, or several, semicolon-separated; unset it to read memberOf",
    )
    group_filter: GroupFilter = Field(
        "(|(member={dn})(uniqueMember={dn}))",
        description="an LDAP filter that finds a user's groups, with {dn}, {username} or an attribute such as {uid}",
    )
    nested_groups: bool = Field(
        False, description="true if members of a group are also members of the groups that contain it"
    )
    role_map: RoleMap = Field(
        {}, description='a JSON object from group DN to roles, such as {"cn=admins,dc=example,dc=org": ["admin"]}'
    )
    role_rules_file: Path | None = Field(None, description="the path of a TOML file with role rules")
    timeout_seconds: int = Field(
        5, ge=1, le=60, description="the number of seconds that a login may wait for the directory, 1 to 60"
    )
    bind_timeout_seconds: int | None = Field(
        None,
        le=300,
        description="the number of seconds that a user may take to confirm a login, more than LDAP_TIMEOUT_SECONDS, "
        "up to 300, if the directory asks for a second factor",
    )
    pool_size: int = Field(
        8,
        ge=1,
        le=100,
        description="the maximum number of connections to a server for searches, and also for binds, 1 to 100",
    )

    @property
    def servers(self) -> tuple[ServerAddress, ...]:
        """The servers, in the order in which they are tried."""
        return tuple(parse_server_url(url, plaintext=self.insecure_plaintext) for url in split_list(self.url, ","))

    @property
    def name_attribute(self) -> str:
        """The attribute that becomes `username`, as set or by default."""
        return self.username_attribute or ("sAMAccountName" if self.active_directory else "uid")

    @property
    def login_filter(self) -> str:
        """The filter that finds a user by login, as set or by default."""
        return self.user_filter or (_WINDOWS_LOGIN_FILTER if self.active_directory else _LOGIN_FILTER)

    @property
    def uses_global_catalog(self) -> bool:
        """Whether a server is the global catalog of Active Directory."""
        return any(server.port in {3268, 3269} for server in self.servers)

    @property
    def max_denial_seconds(self) -> float:
        """How long a denied login may take only because others took as long."""
        return self.timeout_seconds / 3

    @property
    def binds_by_dn(self) -> bool:
        """Whether LDAP_USER_DN_TEMPLATE is a DN, and not a Windows name."""
        return is_dn_template(self.user_dn_template or "")

    def tls_context(self) -> ssl.SSLContext:
        """Return the context of all connections, as `client_context` defines it. Reads the files again."""
        if self.insecure_plaintext:  # the certificates of the system take 10 ms to load, and no connection needs them
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return client_context(self.ca_file, self.cert_file, self.key_file)

    # A validator sees only the fields that are declared before its own. It runs even if other fields are invalid, so
    # that one start reports all problems.
    @field_validator("insecure_plaintext")
    @classmethod
    def _validate_insecure_plaintext(cls, insecure: bool, others: ValidationInfo) -> bool:
        if insecure and has_ldaps_url(others.data.get("url")):
            raise ValueError("contradicts ldaps:// in LDAP_URL")
        return insecure

    @field_validator("start_tls")
    @classmethod
    def _validate_start_tls(cls, start_tls: bool | None, others: ValidationInfo) -> bool | None:
        insecure, ldaps = others.data.get("insecure_plaintext"), has_ldaps_url(others.data.get("url"))
        if start_tls and ldaps:
            raise ValueError("must not be true with ldaps:// in LDAP_URL, which uses TLS without StartTLS")
        if start_tls and insecure:
            raise ValueError("contradicts LDAP_INSECURE_PLAINTEXT")
        if start_tls is False and not insecure and not ldaps:
            raise ValueError("must not be false, since passwords would cross the network unencrypted")
        return start_tls

    @field_validator("bind_timeout_seconds")
    @classmethod
    def _validate_bind_timeout(cls, seconds: int | None, others: ValidationInfo) -> int | None:
        if seconds is not None and seconds <= others.data.get("timeout_seconds", 0):
            raise ValueError("must be more than LDAP_TIMEOUT_SECONDS")
        return seconds

    @field_validator("key_file")
    @classmethod
    def _validate_key_file(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        if "cert_file" not in others.data:  # it is invalid
            return key
        certificate = others.data["cert_file"]
        if (key is None) != (certificate is None):
            raise ValueError("must be set together with LDAP_CERT_FILE")
        return validate_client_key(key, certificate) if key else None

    @field_validator("user_dn_template")
    @classmethod
    def _validate_user_dn_template(cls, template: str | None, others: ValidationInfo) -> str | None:
        if template and others.data.get("bind_dn"):
            raise ValueError("cannot be combined with LDAP_BIND_DN")
        return template

    @field_validator("active_directory")
    @classmethod
    def _validate_active_directory(cls, active_directory: bool, others: ValidationInfo) -> bool:
        template, account = others.data.get("user_dn_template"), others.data.get("bind_dn")
        if template and not active_directory and not is_dn_template(template):
            raise ValueError("must be true, since LDAP_USER_DN_TEMPLATE is not a DN")
        if account and not active_directory and not is_dn(account):
            raise ValueError("must be true, since LDAP_BIND_DN is not a DN")
        return active_directory

    @field_validator("bind_password")
    @classmethod
    def _validate_bind_password(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if "bind_dn" in others.data and (password is None) != (others.data["bind_dn"] is None):
            raise ValueError("must be set together with LDAP_BIND_DN")
        return password
