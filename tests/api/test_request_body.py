"""The body of a request: a JSON object in UTF-8, or an error that names the fault."""

import io
import json
from collections.abc import Iterable
from itertools import repeat

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.unreader import IterUnreader
from werkzeug.test import TestResponse

from api.body import MAX_BODY_SIZE, json_object
from tests.support.error_responses import error_message
from tests.support.users import ZOE

LOGIN = json.dumps({"email": ZOE.email, "password": ZOE.password}).encode()
JSON = "application/json"
LAST_CHUNK = b"0\r\n\r\n"


def post(client: FlaskClient, body: bytes, content_type: str | None = JSON) -> TestResponse:
    return client.post("/api/auth", data=body, content_type=content_type)


def post_chunked(client: FlaskClient, chunks: Iterable[bytes]) -> TestResponse:
    """Send a chunked body, without Content-Length, read by the code of gunicorn."""
    stream = Body(ChunkedReader(None, IterUnreader(chunks)))
    environ = {"wsgi.input": stream, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post("/api/auth", content_type=JSON, environ_overrides={**environ, "CONTENT_LENGTH": ""})


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


@pytest.mark.parametrize(
    "content_type",
    [JSON, "application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json", 'application/json;x="y"'],
)
def test_every_json_media_type_is_accepted(client: FlaskClient, content_type: str) -> None:
    assert post(client, LOGIN, content_type).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "text/html",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/xml; x=application/json",
        "application/octet-stream",
        "json",
        "*/*",
    ],
)
def test_other_media_type_is_415(client: FlaskClient, content_type: str | None) -> None:
    response = post(client, LOGIN, content_type)
    assert error_message(response, 415, "malformed_body") == "Content-Type must be application/json"


def test_login_rejects_a_form(client: FlaskClient) -> None:
    response = client.post("/api/auth", data={"email": ZOE.email, "password": ZOE.password})
    assert error_message(response, 415, "malformed_body") == "Content-Type must be application/json"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b"{'email': 'x'}",
        b"email=x",
        b"{} {}",
        b"{},",
        b'{"a":1,}',
        b"{a:1}",
        b'{"a":}',
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b'{"a":"\\ud8"}',
        b"undefined",
        b"True",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":01}',
        b'{"a":1}\0',
        b"<a/>",
        b"/**/{}",
        b"\xef\xbb\xbf" + LOGIN,
        LOGIN[:-1],
    ],
)
def test_body_that_is_not_json_is_rejected(client: FlaskClient, body: bytes) -> None:
    assert error_message(post(client, body), 400, "malformed_body") == "The request body is not JSON"


@pytest.mark.parametrize("body", [b"[]", b'["email"]', b'"x"', b"5", b"-0", b"1e999", b"true", b"null", b"[{}]"])
def test_json_that_is_not_an_object_is_rejected(client: FlaskClient, body: bytes) -> None:
    assert error_message(post(client, body), 400, "malformed_body") == "The request body is not a JSON object"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "cp1252"])
def test_encoding_other_than_utf_8_is_rejected(client: FlaskClient, encoding: str) -> None:
    body = json.dumps({"email": "zoé", "password": ZOE.email}, ensure_ascii=False).encode(encoding)
    assert error_message(post(client, body), 400, "malformed_body") == "The request body is not UTF-8"
    response = post(client, body, f"{JSON}; charset={encoding}")
    assert error_message(response, 400, "malformed_body") == "The request body is not UTF-8"


@pytest.mark.parametrize("octets", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"])
def test_invalid_utf_8_is_rejected(client: FlaskClient, octets: bytes) -> None:
    body = b'{"email":"' + octets + b'","password":"x"}'
    assert error_message(post(client, body), 400, "malformed_body") == "The request body is not UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_ascii_in_utf_16_or_utf_32_is_rejected(client: FlaskClient, encoding: str) -> None:
    body = '{"email":"x","password":"x"}'.encode(encoding)
    assert error_message(post(client, body), 400, "malformed_body") == "The request body is not JSON"


@pytest.mark.parametrize(
    "deep", [b"[" * 16000, b'{"a":' * 3000, b"[" * 8000 + b"]" * 8000], ids=["lists", "objects", "closed lists"]
)
def test_deeply_nested_body_is_rejected(client: FlaskClient, deep: bytes) -> None:
    # Python 3.13 parses deeper nesting than 3.11, and then the body is a list.
    assert error_message(post(client, deep), 400, "malformed_body").startswith("The request body is not ")


def test_number_with_many_digits_is_rejected(client: FlaskClient) -> None:
    body = b'{"email":' + b"9" * 16000 + b"}"
    assert error_message(post(client, body), 400, "malformed_body") == "The request body is not JSON"


def padded(size: int) -> bytes:
    return LOGIN + b" " * (size - len(LOGIN))


def test_body_has_at_most_16_kib(client: FlaskClient) -> None:
    assert MAX_BODY_SIZE == 16 * 1024
    assert post(client, padded(MAX_BODY_SIZE)).status_code == 200
    assert error_message(post(client, padded(MAX_BODY_SIZE + 1)), 413, "request_entity_too_large")


def test_chunked_body_is_accepted(client: FlaskClient) -> None:
    assert post_chunked(client, [chunk(LOGIN[:9]), chunk(LOGIN[9:]), LAST_CHUNK]).status_code == 200


@pytest.mark.parametrize("beyond", [b" ", b"junk", b" " * 100_000], ids=len)
def test_chunked_body_has_the_same_limit(client: FlaskClient, beyond: bytes) -> None:
    assert post_chunked(client, [chunk(padded(MAX_BODY_SIZE)), LAST_CHUNK]).status_code == 200
    response = post_chunked(client, [chunk(padded(MAX_BODY_SIZE)), chunk(beyond), LAST_CHUNK])
    assert error_message(response, 413, "request_entity_too_large")


def test_endless_body_is_not_read_to_its_end(client: FlaskClient) -> None:
    assert error_message(post_chunked(client, repeat(chunk(b" " * 1000))), 413, "request_entity_too_large")


@pytest.mark.parametrize(
    "stream",
    [
        b"zz\r\n" + LOGIN + LAST_CHUNK,
        chunk(LOGIN) + b"zz\r\n",
        chunk(LOGIN)[:-2] + b"XX" + LAST_CHUNK,
        b"-5\r\n" + LAST_CHUNK,
        chunk(LOGIN)[:-9],
    ],
    ids=["no size", "no second size", "no end of a chunk", "size below zero", "cut off"],
)
def test_malformed_chunks_are_rejected(client: FlaskClient, stream: bytes) -> None:
    assert error_message(post_chunked(client, [stream]), 400, "malformed_body") == "The request body could not be read"


def test_body_without_length_or_chunks_counts_as_empty(client: FlaskClient) -> None:
    environ = {"wsgi.input": io.BytesIO(LOGIN), "CONTENT_LENGTH": ""}
    response = client.post("/api/auth", content_type=JSON, environ_overrides=environ)
    assert error_message(response, 400, "malformed_body") == "The request body is not JSON"


def test_text_arrives_unchanged(app: Flask) -> None:
    app.add_url_rule("/echo", "echo", lambda: jsonify(json_object()), methods=["POST"])
    sent = {"": "", "zoé": ["日本", "\U0001f511", {"a": None}], "n": -1.5e3, "twice": 2}
    body = b'{"twice":1,' + json.dumps(sent, ensure_ascii=False).encode()[1:]
    assert app.test_client().post("/echo", data=body, content_type=JSON).json == sent


def test_other_views_keep_their_own_limit(app: Flask) -> None:
    app.add_url_rule("/size", "size", lambda: str(len(request.get_data())), methods=["POST"])
    assert app.test_client().post("/size", data=b"x" * (MAX_BODY_SIZE + 1)).text == str(MAX_BODY_SIZE + 1)
