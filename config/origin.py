"""Origins of web pages (RFC 6454 §6.1), in the form in which browsers send them in the header `Origin`."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _validate_origin(text: str) -> str:
    """Return the origin in lower case. Raises ValueError."""
    if "*" in text or text.lower() == "null":
        raise ValueError("must be an exact origin, such as https://app.example.org")
    try:
        parts = urlsplit(text.lower())
        _ = parts.port
    except ValueError:
        raise ValueError("is not an origin, such as https://app.example.org") from None
    if not (parts.scheme and parts.hostname and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("is not an origin in ASCII, such as https://app.example.org")
    origin = f"{parts.scheme}://{parts.netloc}"
    if text.lower() != origin or "@" in parts.netloc:
        raise ValueError("must have a scheme, a host and at most a port: no path, no slash at the end")
    return origin.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ":"))


Origin = Annotated[str, AfterValidator(_validate_origin)]
"""A scheme, a host, and a port unless it is the default one: `https://app.example.org`."""
