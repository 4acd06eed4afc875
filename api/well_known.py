"""`/.well-known/…`: the public keys that verify access tokens, and the metadata of the OAuth endpoints."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from api.description import describe
from api.oauth_models import KeySet, ServerMetadata
from api.responses import respond
from config.http_error import NO_STORE
from services.auth_guard import public
from services.context import current_services
from services.keys.ring import KEY_SET_MAX_AGE, KeysUnavailable

KEY_SET_PATH = "/.well-known/jwks.json"

_SECRET_METHODS = ["client_secret_basic", "client_secret_post"]


def init(endpoints: Blueprint) -> None:
    @endpoints.route(KEY_SET_PATH)
    @public
    @describe("Keys and metadata", "List the public keys that verify access tokens", KeySet, KeysUnavailable)
    def key_set() -> Response:
        """RFC 7517 §5."""
        cache_control = ("Cache-Control", f"public, max-age={KEY_SET_MAX_AGE}")
        response = respond(KeySet.model_validate(current_services().keys.ring().key_set()), [cache_control])
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]  # annotated as werkzeug's base class

    # Some clients for resource servers look for the keys only in the document of OpenID Connect.
    @endpoints.route("/.well-known/openid-configuration")
    @endpoints.route("/.well-known/oauth-authorization-server")
    @public
    @describe("Keys and metadata", "Show the OAuth endpoints", ServerMetadata, NotFound)
    def metadata() -> Response:
        """RFC 8414 §3. There is none if the issuer is not a URL, because clients must not use it then (§3.3)."""
        return respond(_metadata(), [NO_STORE])

    @endpoints.route("/.well-known/oauth-authorization-server/<path:path>")
    @public
    @describe("Keys and metadata", "Show the OAuth endpoints of an issuer with a path", ServerMetadata, NotFound)
    def metadata_of_path(path: str) -> Response:
        """RFC 8414 §3.1: the path of the issuer comes last."""
        if path != urlsplit(current_services().issuer.name).path.strip("/"):
            raise NotFound("JWT_ISSUER has another path")
        return metadata()


def _metadata() -> ServerMetadata:
    services = current_services()
    if not _is_http_url(services.issuer.name):
        raise NotFound("JWT_ISSUER is not the URL of the service, so it has no OAuth metadata")
    base = services.issuer.name.rstrip("/")
    grant_types = ["client_credentials"] if services.clients.client_credentials_grant else []
    grant_types += ["password"] if services.clients.password_grant else []
    metadata = ServerMetadata(
        issuer=services.issuer.name,
        token_endpoint=f"{base}/oauth/token",
        token_endpoint_auth_methods_supported=[*_SECRET_METHODS, "none"],
        grant_types_supported=grant_types,
        response_types_supported=["none"],  # required, and clients refuse an empty list
        jwks_uri=f"{base}{KEY_SET_PATH}",
        introspection_endpoint=f"{base}/oauth/introspect",
        introspection_endpoint_auth_methods_supported=_SECRET_METHODS,
    )
    if services.sessions:
        metadata.grant_types_supported.append("refresh_token")
        metadata.revocation_endpoint = f"{base}/oauth/revoke"
        metadata.revocation_endpoint_auth_methods_supported = [*_SECRET_METHODS, "none"]
    return metadata


def _is_http_url(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"https", "http"} and bool(parts.netloc)
