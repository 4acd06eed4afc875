"""`/api/tokens`: administrators list and revoke service tokens."""

from flask import Blueprint, Response

from api.body import InvalidRequest
from api.description import describe
from api.models import Message, OneServiceToken, ServiceTokenPage, TokenQuery
from api.pages import split_page
from api.preconditions import IF_MATCH, etag, require_version
from api.responses import respond
from api.validation import query_parameters, validate
from config.http_error import NO_STORE
from config.service_settings import ADMIN_ROLE
from database.errors import DatabaseUnavailable, NoSuchToken, TokenChanged, TokenNotRevocable
from providers.interface import ProviderUnavailable
from services.auth_guard import auth_guard, check_jwt
from services.caller import UnverifiableCaller
from services.service_tokens import service_token_editor
from services.sessions.errors import SessionsDisabled, SessionsUnavailable

_PATH = "/api/tokens/<row_id:token_id>"

_TAG = "Service tokens"
_ETAG = (("ETag", "An opaque version string of the token, for `If-Match`."),)
_ERRORS = (SessionsDisabled, UnverifiableCaller, ProviderUnavailable, SessionsUnavailable, DatabaseUnavailable)


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/api/tokens")
    @auth_guard(ADMIN_ROLE)
    @describe(_TAG, "List the service tokens", ServiceTokenPage, InvalidRequest, *_ERRORS, query=TokenQuery)
    def list_tokens() -> Response:
        query = validate(TokenQuery, query_parameters())
        # Read one extra row, to find out whether there is a next page.
        found = service_token_editor(check_jwt()).tokens.page(query.limit + 1, query.after)
        page, next_page = split_page(found, query.limit, lambda token: token.id)
        data = [token.to_json() for token in page]
        return respond(ServiceTokenPage.model_validate({"data": data, "next": next_page}), [NO_STORE])

    @endpoints.route(_PATH)
    @auth_guard(ADMIN_ROLE)
    @describe(_TAG, "Show a service token", OneServiceToken, NoSuchToken, *_ERRORS, headers=_ETAG)
    def show_token(token_id: int) -> Response:
        token = service_token_editor(check_jwt()).tokens.require(token_id)
        answer = OneServiceToken.model_validate({"data": token.to_json()})
        return respond(answer, [NO_STORE, etag(token.version)])

    @endpoints.route(_PATH, methods=["DELETE"])
    @auth_guard(ADMIN_ROLE)
    @describe(
        *(_TAG, "Revoke a service token", Message, NoSuchToken, TokenChanged, TokenNotRevocable, *_ERRORS),
        request_headers=IF_MATCH,
    )
    def revoke_token(token_id: int) -> Response:
        editor = service_token_editor(check_jwt())
        token = editor.tokens.require(token_id)
        require_version(token.version, TokenChanged)
        editor.revoke(token.id)
        return respond(Message(message="Token revoked"), [NO_STORE])
