"""Authlib: `ResourceProtector` with its validator of access tokens as defined by RFC 9068."""

from pathlib import Path

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask
from joserfc.jwk import OctKey

from bench.contenders import AUDIENCE, ISSUER, KEY, PATH, Contender, view
from bench.contenders.pyjwt import issue


class Validator(JWTBearerTokenValidator):
    """Verifies tokens with a key that is imported once."""

    _key = OctKey.import_key(KEY)

    def get_jwks(self) -> OctKey:
        """Return the key."""
        return self._key


def create(_folder: Path) -> Contender:
    """Return the application."""
    require_oauth = ResourceProtector()
    require_oauth.register_token_validator(Validator(ISSUER, AUDIENCE))
    app = Flask(__name__)
    app.get(PATH)(require_oauth(roles="user")(view))
    return Contender(app, issue)
