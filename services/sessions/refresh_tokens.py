"""Refresh tokens: opaque and random, and stored as hashes."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

_FORM = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token: what names its session, and a secret that changes at each use. Only hashes are stored."""

    name: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, token: str) -> Self | None:
        """Return the token that this text is, `None` if it is none."""
        return cls(*token.split(".")) if _FORM.fullmatch(token) else None

    @classmethod
    def new(cls, name: str | None = None) -> Self:
        """Return a token with a new secret: the next one of the session of this name, or the first of another."""
        return cls(name or secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    @property
    def session_id(self) -> str:
        """What the session is called elsewhere (`sid`). Whoever sees that still cannot name it here."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:32]

    @property
    def hash(self) -> str:
        """What is stored of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    @property
    def text(self) -> str:
        """What the client gets."""
        return f"{self.name}.{self.secret}"
