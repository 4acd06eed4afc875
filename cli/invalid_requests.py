"""The responses to requests that gunicorn cannot parse, in the shape of the errors of the API."""

import json

from gunicorn.http.errors import (
    ConfigurationProblem,
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    RequestHeaderFieldsTooLarge,
    RequestURITooLarge,
)
from werkzeug.exceptions import (
    ExpectationFailed as UnknownExpectation,
)

from config.http_error import code_of


class InvalidHttp(BadRequest):
    """The request has an error of syntax.

    Also with an unknown transfer coding, although RFC 9112 §6.1 recommends 501: clients could cause the alarms that an
    operator sets for 5xx.
    """

    description = "The request is not valid HTTP"


_REFUSALS: dict[type[ParseException], type[HTTPException]] = {
    ForbiddenProxyRequest: Forbidden,
    LimitRequestLine: RequestURITooLarge,
    ExpectationFailed: UnknownExpectation,
    LimitRequestHeaders: RequestHeaderFieldsTooLarge,
}
_FAULTS_OF_THE_SERVICE = (ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName)


def response_to(error: BaseException) -> bytes | None:
    """Return the response to a request that is not valid HTTP; `None` if the error is not one of the client.

    The response repeats nothing of the request.
    """
    if not isinstance(error, ParseException) or isinstance(error, _FAULTS_OF_THE_SERVICE):
        return None
    refusal = _REFUSALS.get(type(error), InvalidHttp)()
    members = {"code": code_of(refusal), "message": refusal.description, "status": refusal.code}
    body = json.dumps(members, separators=(",", ":")) + "\n"
    head = (
        f"HTTP/1.1 {refusal.code} {refusal.name}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
    )
    return "\r\n".join([*head, "", body]).encode()
