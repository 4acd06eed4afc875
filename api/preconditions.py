"""Conditional requests (RFC 9110 §13): whether the version of a resource is the one that the client has read."""

import re

from flask import request

from api.responses import Header

IF_MATCH = (("If-Match", "The `ETag` that the caller has read: without it, another edit may be lost."),)
"""The description of the header."""


def etag(version: str) -> Header:
    """Return the header `ETag` for a version."""
    return "ETag", f'"{version}"'


def required_versions() -> set[str] | None:
    """Return the versions of which `If-Match` requires one; `None` if it is missing or accepts any (§13.1.1)."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    sent = request.if_match.as_set(include_weak=True)
    return {_without_encoding(tag) for tag in sent if tag}  # werkzeug parses an empty tag as None


def _without_encoding(tag: str) -> str:
    """Return an entity tag without what a proxy appends when it compresses a response, such as `-gzip` (Apache)."""
    return re.sub("[-;](gzip|br|zstd|deflate)$", "", tag)
