"""`/api/auth/sessions`: users list and end their own sessions."""

from flask import Blueprint, Response, g

from api.description import describe
from api.models import Message, OwnSessions
from api.responses import respond
from config.http_error import NO_STORE
from providers.interface import ProviderUnavailable
from services.auth_guard import auth_guard
from services.caller import UnverifiableCaller
from services.own_sessions import NoSuchSession, end_own_session, own_sessions
from services.sessions.errors import SessionsDisabled, SessionsUnavailable

_ERRORS = (SessionsDisabled, UnverifiableCaller, ProviderUnavailable, SessionsUnavailable)


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/api/auth/sessions")
    @auth_guard()
    @describe("Sessions", "List the sessions of the caller", OwnSessions, *_ERRORS)
    def list_sessions() -> Response:
        data = [{**session.row.to_json(), "current": session.is_current} for session in own_sessions(g.claims)]
        return respond(OwnSessions.model_validate({"data": data}), [NO_STORE])

    @endpoints.route("/api/auth/sessions/<session_id>", methods=["DELETE"])
    @auth_guard()
    @describe("Sessions", "End a session of the caller", Message, NoSuchSession, *_ERRORS)
    def end_session(session_id: str) -> Response:
        end_own_session(g.claims, session_id)
        return respond(Message(message="Session ended"), [NO_STORE])
