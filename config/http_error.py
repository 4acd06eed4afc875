"""The base class of errors that carry their own HTTP response.

A view can raise them in any Flask application, also in one that handles errors in its own way, and under a framework
on top of Flask such as Flask-RESTX: each of them can respond to an HTTPException.
"""

import json
import re
from typing import Any, ClassVar

from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.http import HTTP_STATUS_CODES

REALM = 'realm="latchkey"'
INSUFFICIENT_SCOPE = f'Bearer error="insufficient_scope", {REALM}'
"""The challenge of a 403 (RFC 6750 §3.1)."""
RESPONSE_ERROR = "latchkey.error"
"""The key of an HttpError in the WSGI environment. The response gets its headers, whichever framework creates it."""
NO_STORE = ("Cache-Control", "no-store")


class HttpError(HTTPException):
    """An error whose response is a JSON object with `status`, `message` and `code`.

    A subclass derives from this class and from the class of its status in `werkzeug.exceptions`. An application that
    handles a status, for example with `errorhandler(401)`, therefore handles the errors with this status too.
    """

    code: int
    description: str
    error_code: ClassVar[str]
    """The member `code`: a stable word for programs."""
    message: ClassVar[str] = "{}"
    """The member `message`. `{}` is replaced with the text of the error; otherwise clients do not see the text."""
    example: ClassVar[str] = ""
    """A text of the error, for the documentation."""
    challenge: ClassVar[str | None] = None
    """The value of `WWW-Authenticate` (RFC 6750 §3, RFC 7617 §2)."""
    retry_after: int | None = None
    """The number of seconds after which the client can try again."""
    oauth_code: ClassVar[str | None] = None
    """The `error` of an OAuth endpoint (RFC 6749 §5.2); `None` if it is the same as `error_code`."""
    is_failure: ClassVar[bool] = True
    """Whether a 5xx is logged as an error. Otherwise the clients cause it, and the service works."""

    def __init__(self, text: str = "") -> None:
        """`text` is the text of the error, for the log and the terminal."""
        # Not the initializer of the status's class, which would reset `retry_after`.
        HTTPException.__init__(self, self.message.format(text))
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    @property
    def data(self) -> dict[str, Any]:
        """The members of the JSON object. Flask-RESTX, Flask-RESTful and flask-smorest read them here."""
        return {"status": self.code, "message": self.description, "code": self.error_code}

    def get_body(self, environ: object = None, scope: object = None) -> str:
        """Return the JSON object."""
        return json.dumps(self.data)

    def get_headers(self, environ: object = None, scope: object = None) -> list[tuple[str, str]]:
        """Return the headers of the response, with the content type of the body."""
        return [("Content-Type", "application/json"), *self.own_headers()]

    def own_headers(self) -> list[tuple[str, str]]:
        """Return the headers that belong to the error, with any body."""
        headers = [NO_STORE]
        if self.challenge:
            headers.append(("WWW-Authenticate", self.challenge))
        if self.retry_after is not None:
            headers.append(("Retry-After", str(self.retry_after)))
        return headers


class Unavailable(HttpError, ServiceUnavailable):
    """The base class of errors that mean: the request may be valid, but the service cannot handle it now."""

    retry_after = 5
    oauth_code = "temporarily_unavailable"


def code_of(error: HTTPException | type[HTTPException]) -> str:
    """Return the member `code` of the response to an error."""
    own: str | None = getattr(error, "error_code", None)
    return own or re.sub(r"[^a-z]+", "_", HTTP_STATUS_CODES.get(status_of(error), "Unknown Error").lower())


def status_of(error: HTTPException | type[HTTPException]) -> int:
    """Return the HTTP status of an error."""
    if error.code is None:
        raise ValueError("an exception of Werkzeug without a status is not an error response")
    return error.code
