"""Refresh tokens: opaque and random, and stored as hashes."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

_FORM = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token: the secret name of its session, and a secret that is replaced at each use."""

    name: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, token: str) -> Self | None:
        """Return the refresh token with this text; `None` if the text does not have the form of a refresh token."""
        return cls(*token.split(".")) if _FORM.fullmatch(token) else None

    @classmethod
    def new(cls, name: str | None = None) -> Self:
        """Return a new token of the session with this name; if it is `None`, the first token of a new session."""
        return cls(name or secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    @property
    def session_id(self) -> str:
        """The id of the session (`sid`). The name cannot be derived from it."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:32]

    @property
    def hash(self) -> str:
        """The hash of the secret, which the database stores."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    @property
    def text(self) -> str:
        """The token as the client receives it."""
        return f"{self.name}.{self.secret}"
