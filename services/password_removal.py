"""Removes the password of a login from the exceptions of a provider, whose texts are logged.

A library of a custom provider can put its request into the text of an exception: the URL, a header or the arguments.
"""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from html import escape
from traceback import format_exception
from urllib.parse import quote, quote_plus

from providers.faults import describe_exception
from providers.interface import Overloaded, ProviderUnavailable
from services.provider_faults import ProviderFault

MIN_LENGTH = 4
"""A shorter password is not removed: it is a part of many words."""

REMOVED = "[password removed]"


@contextmanager
def without_password(login: str, password: str, module: str) -> Iterator[None]:
    """Replace an exception of the block that has the password in its text, or in that of its cause or context.

    An error that means an unavailable store keeps its meaning. Any other becomes a ProviderFault, whose detail is the
    traceback without the password. `module` is the module of the provider.
    """
    try:
        yield
    except Exception as error:
        spellings = spellings_of(login, password) if len(password) >= MIN_LENGTH else ()
        text = "".join(format_exception(error))
        if not any(spelling in text for spelling in spellings):
            raise
        raise _replacement(error, text, spellings, module) from None


def _replacement(error: Exception, text: str, spellings: Collection[str], module: str) -> Exception:
    if isinstance(error, ProviderUnavailable):
        return type(error)(_remove(error.reason, spellings), error.provider)
    message = _remove(f"{type(error).__name__}: {error}", spellings)
    if isinstance(error, OSError):
        return OSError(error.errno, message)
    if isinstance(error, Overloaded):
        return Overloaded(message)
    found = f"failed with {describe_exception(error, module)}"
    return ProviderFault(_remove(found, spellings), detail=_remove(text, spellings))


def _remove(text: str, spellings: Collection[str]) -> str:
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, REMOVED)
    return text


def spellings_of(login: str, password: str) -> set[str]:
    """Return the password as it is, and as it appears in literals, JSON, HTML, URLs and headers."""
    content = password.encode()
    literals = {repr(password)[1:-1], ascii(password)[1:-1], repr(content)[2:-1], json.dumps(password)[1:-1]}
    literals |= {json.dumps(password, ensure_ascii=False)[1:-1], escape(password)}
    encoded = {quote(password), quote(password, safe=""), quote_plus(password)}
    for value in (content, f"{login}:{password}".encode()):  # the second one is Basic authentication
        encoded |= {encode(value).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode)}
    return {password, *literals, *encoded}
