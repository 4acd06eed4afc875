"""The Flask application of the service: what it does for each request, it does in less time than Flask."""

from functools import cached_property, lru_cache
from json import JSONEncoder
from typing import Any, NoReturn

from flask import Flask, Request
from flask.json.provider import DefaultJSONProvider
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from werkzeug.routing import Map, MapAdapter
from werkzeug.sansio.utils import get_host

from api.paths import require_no_redirect, require_plain_request

MAX_CACHED_HOSTS = 64

_COMPACT = {"separators": (",", ":")}
"""The arguments with which Flask encodes responses, except in debug mode."""
_NO_ROUTES = Map()


class OneEncoderJSON(DefaultJSONProvider):
    """Flask's JSON with one encoder for all responses. Flask creates one for each, which takes 4 % of a request."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return the JSON text of a value."""
        return self._encoder.encode(obj) if kwargs == _COMPACT else super().dumps(obj, **kwargs)

    @cached_property
    def _encoder(self) -> JSONEncoder:
        return JSONEncoder(
            default=self.default, ensure_ascii=self.ensure_ascii, sort_keys=self.sort_keys, separators=(",", ":")
        )


class OptionalSessions(SecureCookieSessionInterface):
    """Flask's sessions, for an application that uses them only if it sets a `secret_key`.

    Otherwise, all requests share an empty session. Flask creates one for each, which takes 2 % of a request.
    """

    _empty = NullSession()

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the request."""
        return super().open_session(app, request) if app.config["SECRET_KEY"] else self._empty


class Application(Flask):
    """An application in which each path has one spelling, see `api/paths.py`."""

    json_provider_class = OneEncoderJSON
    session_interface = OptionalSessions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url_map.merge_slashes = False  # `//api/auth` is not found, instead of a redirect to `/api/auth`

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return the adapter for the routes. Raises NotFound and BadRequest, which become the response.

        The check is here because a function of `before_request` takes five times as long; `super()` twice as long.
        """
        if request is None:
            return Flask.create_url_adapter(self, None)
        require_plain_request(request.environ)
        return self._bind(request)

    def _bind(self, request: Request) -> MapAdapter | None:
        """Return the adapter that Flask returns.

        Flask parses the environment again for it, which takes 6 % of a request.
        """
        environ = request.environ
        if "HTTP_UPGRADE" in environ or self.config["SERVER_NAME"] or self.config["TRUSTED_HOSTS"]:
            return Flask.create_url_adapter(self, request)
        return MapAdapter(
            self.url_map,
            server_name=_server_name(request.scheme, environ.get("HTTP_HOST"), request.server),
            script_name=request.root_path,
            subdomain=self.url_map.default_subdomain,
            url_scheme=request.scheme,
            path_info=environ.get("PATH_INFO", "/") and request.path,  # the path of a request has a slash in any case
            default_method=request.method,
            query_args=request.query_string.decode(),
        )

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raise why no route was found, but not a redirect."""
        require_no_redirect(request)
        super().raise_routing_exception(request)


@lru_cache(MAX_CACHED_HOSTS)
def _server_name(scheme: str, host: str | None, server: tuple[str, int | None] | None) -> str:
    """Return the valid host of a request as `Map.bind` encodes it. Raises BadHost.

    Nearly all requests have the same few hosts. Without a cache, the host takes 6 % of a request.
    """
    return _NO_ROUTES.bind(get_host(scheme, host, server)).server_name
