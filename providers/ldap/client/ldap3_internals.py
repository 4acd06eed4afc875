"""The parts of ldap3 2.9 that are not its public interface: all that Latchkey uses are in this module.

ldap3 encodes the requests and decodes the responses. It opens no socket, follows no referral and has no time limit of
its own: the MessageStream does what a socket does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.operation import search
from ldap3.protocol.convert import build_controls_list
from ldap3.protocol.rfc4511 import LDAPMessage, ProtocolOp, SearchRequest
from ldap3.utils.asn1 import compute_ber_size, decode_sequence, encode  # type: ignore[attr-defined]
from pyasn1.type.univ import Any as Encoded

from providers.ldap.client.message_stream import MessageStream
from providers.ldap.client.protocol import PAGED_RESULTS, Scope

_ATTRIBUTE = re.compile(r"[A-Za-z0-9.;-]+")
_BIND_RESPONSE, _SEARCH_ENTRY, _SEARCH_DONE, _SEARCH_REFERENCE, _EXTENDED_RESPONSE = 1, 4, 5, 19, 24
# The class of a tag, whether the element is constructed, and the number of the tag (X.690 §8.1.2). A text is never
# constructed (RFC 4511 §5.1).
_INTEGER, _OCTET_STRING, _ENUMERATED = (0, False, 2), (0, False, 4), (0, False, 10)
_SEQUENCE, _SET = (0, True, 16), (0, True, 17)
_RESULT = (_ENUMERATED, _OCTET_STRING, _OCTET_STRING)
_ENUMERATED_TAG = 0x0A
_ANY_FILTER = "(objectClass=*)"
_MAX_FILTER_DEPTH = 100  # ldap3 encodes filters recursively, on top of the calls of a request

_Element = tuple[int, bool, int, Any]
"""An element as ldap3 decodes it: the class, whether it is constructed, and the number of its tag, and its value."""


def open_ldap3(stream: MessageStream) -> ldap3.Connection:
    """Return a connection of ldap3 that sends and receives on this stream."""
    connection = ldap3.Connection(
        ldap3.Server("localhost", get_info=ldap3.NONE),  # the name is never used
        authentication=ldap3.SIMPLE,
        auto_referrals=False,
        auto_range=False,
        auto_escape=False,
        auto_encode=False,
        check_names=False,
        return_empty_attributes=False,
    )
    # What open() does, except that it would create a socket.
    connection.socket, connection.closed, connection.listening = stream, False, True
    strategy = connection.strategy
    strategy._outstanding = {}  # noqa: SLF001
    connection.send = partial(_send, connection)
    strategy.decode_response_fast = partial(_decode_strictly, strategy.decode_response_fast)
    return connection


def release_ldap3(connection: ldap3.Connection) -> None:
    """Break the reference cycles of a connection, so that its memory is free without a garbage collection."""
    connection.strategy.__dict__.clear()
    connection.__dict__.clear()


def send_search(
    connection: ldap3.Connection,
    base: str,
    scope: Scope,
    search_filter: str,
    attributes: Sequence[str],
    *,
    size_limit: int,
    time_limit: int,
    controls: list[Any],
) -> None:
    """Search as `ldap3.Connection.search` does, without following aliases.

    Aliases may lead out of the base DN, and cost the server a lookup for each entry.
    """
    request = SearchRequest()
    encoded = _encode_parts(base, scope, tuple(attributes), size_limit, time_limit)
    for name, part in {**encoded, "filter": _compile_filter(search_filter)}.items():
        request.setComponentByName(name, part, verifyConstraints=False, matchTags=False, matchConstraints=False)
    connection.post_send_search(connection.send("searchRequest", request, controls))


@lru_cache(256)
def _encode_parts(
    base: str, scope: Scope, attributes: tuple[str, ...], size_limit: int, time_limit: int
) -> dict[str, Encoded]:
    """Return the parts of a search request, except its filter, each as an element that is already encoded.

    They are the same for each login, and have more than 30 attributes. ldap3 would build and encode them with each
    request, which is a third of the instructions of a login.
    """
    request: Any = search.search_operation(
        base, _ANY_FILTER, scope, ldap3.DEREF_NEVER, attributes, size_limit, time_limit, False, False, False
    )
    return {name: Encoded(encode(part)) for name, part in request.items() if name != "filter"}


def _send(connection: ldap3.Connection, kind: str, request: Any, controls: list[Any] | None = None) -> int:
    """Send a request as `send` of ldap3 does, and return its message id.

    ldap3 would also make a dictionary of the request, which it needs for referrals and cannot make of encoded parts.
    """
    message_id: int = connection.server.next_message_id()
    message = LDAPMessage()
    message["messageID"], message["protocolOp"] = message_id, ProtocolOp().setComponentByName(kind, request)
    if controls:
        message["controls"] = build_controls_list(controls)
    connection.strategy._outstanding[message_id] = None  # noqa: SLF001
    connection.strategy.sending(message)
    return message_id


def has_result_code(message: bytes) -> bool:
    """Return whether an encoded response has a result code. ldap3 reads a code without octets as 0, which is success.

    The message must be one that ldap3 has decoded.
    """
    measure: Callable[[bytes], tuple[int, int]] = compute_ber_size  # returns the sizes of the contents and the header
    _, start = measure(message)
    size, header = measure(message[start:])  # the message id
    start += header + size
    start += measure(message[start:])[1]
    size, _ = measure(message[start:])  # the length of no octets has several encodings (X.690 §8.1.3.5)
    return message[start] == _ENUMERATED_TAG and size > 0


def parse_filter(text: str) -> Any:
    """Return the root of a filter's tree. Raises ValueError if the text is not a filter (RFC 4515)."""
    try:
        root = _parse(text)
        _check_node(root)
        search.compile_filter(root)  # type: ignore[no-untyped-call]
    except (LDAPException, IndexError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return root


def _parse(text: str) -> Any:
    return search.parse_filter(text, None, False, False, None, False).elements[0]  # type: ignore[no-untyped-call]


def _compile_filter(text: str) -> Any:
    return search.compile_filter(_parse(text))  # type: ignore[no-untyped-call]


def _check_node(node: Any, depth: int = 0) -> None:
    """Raise ValueError for a filter that ldap3 accepts, but cannot encode later, or that RFC 4515 does not accept."""
    if depth > _MAX_FILTER_DEPTH:
        raise ValueError("is nested too deeply")
    for child in node.elements:
        _check_node(child, depth + 1)
    if assertion := node.assertion:
        is_empty = node.tag == search.MATCH_SUBSTRING and not assertion.keys() & {"initial", "any", "final"}
        if is_empty or (assertion["attr"] is not False and not _ATTRIBUTE.fullmatch(assertion["attr"])):
            raise ValueError("has an invalid attribute or no value")


def _decode_strictly(
    decode: Callable[[Mapping[str, Any]], dict[str, Any]], message: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the dictionary for a decoded message. Raises ValueError if its elements have other types than in RFC 4511.

    ldap3 does not check the types. It would turn an INTEGER in place of a text into as many zeros.
    """
    operation, payload = message["protocolOp"], message["payload"]
    if operation == _SEARCH_ENTRY:
        _require(payload, _OCTET_STRING, _SEQUENCE)
        for attribute in payload[1][3]:
            _require(attribute[3], _OCTET_STRING, _SET)
            _require(attribute[3][1][3], *[_OCTET_STRING] * len(attribute[3][1][3]))
    elif operation == _SEARCH_REFERENCE:
        _require(payload, *[_OCTET_STRING] * len(payload))
    elif operation in (_BIND_RESPONSE, _SEARCH_DONE, _EXTENDED_RESPONSE):
        _require(payload, *_RESULT)
    else:
        raise ValueError("the message is not a response to a bind, a search or an extended request")
    for control in message["controls"] or ():
        _check_control(control[3])
    return decode(message)


def _check_control(control: Sequence[_Element]) -> None:
    _require(control, _OCTET_STRING)
    if control[0][3] == PAGED_RESULTS.encode():
        (page,) = decode_sequence(control[-1][3], 0, len(control[-1][3]))
        _require(page[3], _INTEGER, _OCTET_STRING)


def _require(elements: Sequence[_Element], *types: tuple[int, bool, int]) -> None:
    """Raise ValueError unless the first elements have these types."""
    if [element[:3] for element in elements[: len(types)]] != [*types]:
        raise ValueError("an element has another type than RFC 4511 defines")
