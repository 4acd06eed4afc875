"""The provider `static`: users in a TOML file."""

from providers.static.provider import StaticProvider, StaticSettings, open_static

__all__ = ["StaticProvider", "StaticSettings", "open_static"]
