"""`/.well-known/…`: the public keys that verify access tokens, and the metadata of the OAuth endpoints."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from api.responses import raw_json_response
from config.http_error import NO_STORE
from services.auth_guard import public
from services.context import current_services
from services.keys.ring import KEY_SET_MAX_AGE

KEY_SET_PATH = "/.well-known/jwks.json"

_SECRET_METHODS = ["client_secret_basic", "client_secret_post"]


def init(endpoints: Blueprint) -> None:
    @endpoints.route(KEY_SET_PATH)
    @public
    def key_set() -> Response:
        """RFC 7517 §5."""
        cache_control = ("Cache-Control", f"public, max-age={KEY_SET_MAX_AGE}")
        response = raw_json_response(current_services().keys.ring().key_set(), headers=[cache_control])
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]  # annotated as werkzeug's base class

    # Some clients for resource servers look for the keys only in the document of OpenID Connect.
    @endpoints.route("/.well-known/openid-configuration")
    @endpoints.route("/.well-known/oauth-authorization-server")
    @public
    def metadata() -> Response:
        """RFC 8414 §3. There is none if the issuer is not a URL, because clients must not use it then (§3.3)."""
        return raw_json_response(_metadata(), headers=[NO_STORE])

    @endpoints.route("/.well-known/oauth-authorization-server/<path:path>")
    @public
    def metadata_of_path(path: str) -> Response:
        """RFC 8414 §3.1: the path of the issuer comes last."""
        if path != urlsplit(current_services().issuer.name).path.strip("/"):
            raise NotFound("JWT_ISSUER has another path")
        return metadata()


def _metadata() -> dict[str, object]:
    services = current_services()
    if not _is_http_url(services.issuer.name):
        raise NotFound("JWT_ISSUER is not the URL of the service, so it has no OAuth metadata")
    base = services.issuer.name.rstrip("/")
    grant_types = ["password"] if services.clients.password_grant else []
    members: dict[str, object] = {
        "issuer": services.issuer.name,
        "token_endpoint": f"{base}/oauth/token",
        "token_endpoint_auth_methods_supported": [*_SECRET_METHODS, "none"],
        "grant_types_supported": grant_types,
        "response_types_supported": ["none"],  # required, and clients refuse an empty list
        "jwks_uri": f"{base}{KEY_SET_PATH}",
        "introspection_endpoint": f"{base}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": _SECRET_METHODS,
    }
    if services.sessions:
        grant_types.append("refresh_token")
        members["revocation_endpoint"] = f"{base}/oauth/revoke"
        members["revocation_endpoint_auth_methods_supported"] = [*_SECRET_METHODS, "none"]
    return members


def _is_http_url(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"https", "http"} and bool(parts.netloc)
