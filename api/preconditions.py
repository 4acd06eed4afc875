"""Conditional requests (RFC 9110 §13): whether the version of a resource is the one that the client has read."""

import re

from flask import request

from api.responses import Header
from config.http_error import HttpError

IF_MATCH = (("If-Match", "The `ETag` that the caller has read: without it, another edit may be lost."),)
"""The description of the header."""


def etag(version: str) -> Header:
    """Return the header `ETag` for a version."""
    return "ETag", f'"{version}"'


def require_version(version: str, changed: type[HttpError]) -> str | None:
    """Return the present version if `If-Match` requires it; `None` if the header is missing or accepts any (§13.1.1).

    Raises `changed` if the header requires another version.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    sent = filter(None, request.if_match.as_set(include_weak=True))  # werkzeug parses an empty tag as None
    if version not in map(_without_encoding, sent):
        raise changed
    return version


def _without_encoding(tag: str) -> str:
    """Return an entity tag without what a proxy appends when it compresses a response, such as `-gzip` (Apache)."""
    return re.sub("[-;](gzip|br|zstd|deflate)$", "", tag)
