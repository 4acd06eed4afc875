"""All settings of one environment, except the sections that providers read themselves."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

from config.clients import OAuthSettings
from config.environment import DEVELOPMENT_FILE, read_environment
from config.keys import KeySettings, SigningKeysSettings
from config.service_settings import (
    AdminSettings,
    ApiSettings,
    AuditSettings,
    CorsSettings,
    DatabaseSettings,
    ExampleSettings,
    FileSettings,
    LoginSettings,
    LogSettings,
    MetricsSettings,
    PasswordSettings,
    ProviderSettings,
    ProxySettings,
    RevocationSettings,
    ServerSettings,
    SessionSettings,
    TokenSettings,
)
from config.throttle_settings import ThrottleSettings


class Settings:
    """The sections of an environment, each read once, when it is first used.

    Reading a section raises ConfigurationError with all its problems. A command that does not use a section works
    even if that section is invalid.
    """

    def __init__(self, environ: Mapping[str, str], development_file: Path | None = None) -> None:
        """`development_file` is the file that some of the variables were read from; `None` if there is none."""
        self.environ = environ
        self.development_file = development_file

    @classmethod
    def of_process(cls) -> Self:
        """Return the settings of this process. Raises ConfigurationError if the development file cannot be read."""
        return cls(read_environment(), DEVELOPMENT_FILE if DEVELOPMENT_FILE.exists() else None)

    @property
    def has_database(self) -> bool:
        """Whether DATABASE_URL is set. If not, the service is stateless and never imports SQLAlchemy."""
        return bool(self.environ.get("DATABASE_URL") or self.environ.get("DATABASE_URL_FILE"))

    @cached_property
    def database(self) -> DatabaseSettings:
        return DatabaseSettings.read(self.environ)

    @cached_property
    def keys(self) -> KeySettings:
        return KeySettings.read(self.environ)

    @cached_property
    def signing_keys(self) -> SigningKeysSettings:
        return SigningKeysSettings.read(self.environ)

    @cached_property
    def tokens(self) -> TokenSettings:
        return TokenSettings.read(self.environ)

    @cached_property
    def sessions(self) -> SessionSettings:
        return SessionSettings.read(self.environ)

    @cached_property
    def revocations(self) -> RevocationSettings:
        return RevocationSettings.read(self.environ)

    @cached_property
    def oauth(self) -> OAuthSettings:
        return OAuthSettings.read(self.environ)

    @cached_property
    def logins(self) -> LoginSettings:
        return LoginSettings.read(self.environ)

    @cached_property
    def log(self) -> LogSettings:
        return LogSettings.read(self.environ)

    @cached_property
    def throttle(self) -> ThrottleSettings:
        return ThrottleSettings.read(self.environ)

    @cached_property
    def proxies(self) -> ProxySettings:
        return ProxySettings.read(self.environ)

    @cached_property
    def cors(self) -> CorsSettings:
        return CorsSettings.read(self.environ)

    @cached_property
    def passwords(self) -> PasswordSettings:
        return PasswordSettings.read(self.environ)

    @cached_property
    def files(self) -> FileSettings:
        return FileSettings.read(self.environ)

    @cached_property
    def providers(self) -> ProviderSettings:
        return ProviderSettings.read(self.environ)

    @cached_property
    def admins(self) -> AdminSettings:
        return AdminSettings.read(self.environ)

    @cached_property
    def audit(self) -> AuditSettings:
        return AuditSettings.read(self.environ)

    @cached_property
    def api(self) -> ApiSettings:
        return ApiSettings.read(self.environ)

    @cached_property
    def examples(self) -> ExampleSettings:
        return ExampleSettings.read(self.environ)

    @cached_property
    def metrics(self) -> MetricsSettings:
        return MetricsSettings.read(self.environ)

    @cached_property
    def server(self) -> ServerSettings:
        return ServerSettings.read(self.environ)
