"""`/.well-known/…`: what others need to check our tokens, and to find our doors."""

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest

from api.responses import NO_STORE, document
from services.auth_guard import public
from services.context import current_services
from services.keys.ring import KEY_SET_MAX_AGE

KEY_SET = "/.well-known/jwks.json"

_CONFIDENTIAL = ["client_secret_basic", "client_secret_post"]


def init(app: Flask) -> None:
    @app.route(KEY_SET)
    @public
    def key_set() -> Response:
        """RFC 7517 §5."""
        response = document(
            current_services().keys.ring().key_set(), headers=[("Cache-Control", f"public, max-age={KEY_SET_MAX_AGE}")]
        )
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug's own class

    @app.route("/.well-known/oauth-authorization-server")
    @public
    def metadata() -> Response:
        """RFC 8414 §3. It is whole where JWT_ISSUER is the URL at which the service is seen from outside."""
        return document(_metadata(), headers=[NO_STORE])


def _metadata() -> dict[str, object]:
    services = current_services()
    password = ["password"] if services.clients.password_grant else []
    refresh = ["refresh_token"] if services.sessions else []
    at = (services.issuer.name if _names_a_host(services.issuer.name) else _as_asked()).rstrip("/")
    revocation = {
        "revocation_endpoint": f"{at}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": [*_CONFIDENTIAL, "none"],
    }
    return {
        "issuer": services.issuer.name,
        "token_endpoint": f"{at}/oauth/token",
        "token_endpoint_auth_methods_supported": [*_CONFIDENTIAL, "none"],
        "grant_types_supported": [*password, *refresh],
        "response_types_supported": [],
        "jwks_uri": f"{at}{KEY_SET}",
        "introspection_endpoint": f"{at}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": _CONFIDENTIAL,
        **(revocation if services.sessions else {}),
    }


def _as_asked() -> str:
    """Return the URL at which whoever asks thinks we are. They are believed only without a better answer."""
    try:
        url = request.host_url
    except UnicodeError:
        url = ""
    if not _names_a_host(url):
        raise BadRequest("The header Host names no host")
    return url


def _names_a_host(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"https", "http"} and bool(parts.netloc)
