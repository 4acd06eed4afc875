"""What OpenAPI says about an endpoint, beside its models: `@describe(…)` next to its view function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

V = TypeVar("V", bound=Callable[..., Any])

_DESCRIPTION = "_latchkey_description"
"""The attribute of a view with its description."""


@dataclass(frozen=True)
class Description:
    """The request and the responses of an endpoint. The errors of its guard need no description."""

    tag: str
    """The group of the endpoint."""
    summary: str
    """What the endpoint does, in the imperative."""
    answer: type[BaseModel]
    """The members of the response."""
    errors: tuple[type[HTTPException], ...] = ()
    """The errors of the endpoint itself."""
    status: int = 200
    body: type[BaseModel] | None = None
    """The members of the request body."""
    query: type[BaseModel] | None = None
    """The parameters of the query."""
    request_headers: tuple[tuple[str, str], ...] = ()
    """The name and the meaning of each header that the request may have, beside Authorization."""
    headers: tuple[tuple[str, str], ...] = ()
    """The name and the meaning of each header of the response."""
    guarded: bool = False
    """Whether a public view requires an access token itself."""
    style: Literal["latchkey", "oauth"] = "latchkey"
    """Whether bodies and errors are JSON in the format of Latchkey, or forms and errors of RFC 6749."""


def describe(
    tag: str, summary: str, answer: type[BaseModel], *errors: type[HTTPException], **others: Any
) -> Callable[[V], V]:
    """Describe a view function. `others` are further fields of `Description`."""

    def attach(view: V) -> V:
        setattr(view, _DESCRIPTION, Description(tag, summary, answer, errors, **others))
        return view

    return attach


def description_of(view: Callable[..., Any]) -> Description | None:
    """Return the description of a view; `None` if it has none."""
    return getattr(view, _DESCRIPTION, None)
