"""Independent rules for what the LDAP providers may accept, written without their code and without ldap3."""

from collections.abc import Iterator, Sequence

Element = tuple[int, bytes]
"""The tag and the contents of a BER element with a definite length (RFC 4511 §5.1)."""

_MESSAGE, _BIND_RESPONSE, _ENTRY, _DONE, _REFERENCE = 0x30, 0x61, 0x64, 0x65, 0x73
_RESULT = [0x0A, 0x04, 0x04]
"""The tags of the first elements of a result: its code and two texts (RFC 4511 §4.1.9)."""
_LONG_FORM = 0x80
_USERNAME_ATTRIBUTE = b"uid"


def bind_succeeds(sent: Sequence[bytes]) -> bool:
    """Return whether the first of the operations that a server sends is a successful response to a bind."""
    tag, contents = next(_operations(sent))
    return tag == _BIND_RESPONSE and _is_success(contents)


def usernames_of_only_entry(sent: Sequence[bytes]) -> set[str]:
    """Return the usernames of the one entry in a complete response to a search; none if there are more entries."""
    entries: list[set[str]] = []
    for tag, contents in _operations(sent):
        if tag == _DONE:
            return entries[0] if _is_success(contents) and len(entries) == 1 else set()
        if tag == _ENTRY:
            entries.append(_usernames(contents))
        elif tag != _REFERENCE:
            break
    return set()


def _operations(sent: Sequence[bytes]) -> Iterator[Element]:
    """Yield the operations that a server sends, as defined by tests/fuzz/targets/directory.py."""
    for octets in sent:
        if not octets.startswith(b"RAW"):
            yield next(_elements(octets))
        else:
            for tag, contents in _elements(octets.removeprefix(b"RAW")):
                assert tag == _MESSAGE
                _, operation, *_ = _elements(contents)
                yield operation


def _is_success(contents: bytes) -> bool:
    parts = [*_elements(contents)][:3]
    code = parts[0][1]
    return [tag for tag, _ in parts] == _RESULT and code != b"" and not any(code)


def _usernames(contents: bytes) -> set[str]:
    _, (_, attributes), *_ = _elements(contents)
    names: set[str] = set()
    for _, attribute in _elements(attributes):
        (_, name), (_, values), *_ = _elements(attribute)
        if name.lower() == _USERNAME_ATTRIBUTE:
            names |= {value.decode("utf-8", "surrogateescape") for _, value in _elements(values)}
    return names


def _elements(octets: bytes) -> Iterator[Element]:
    """Yield the elements. Raises AssertionError if the octets are not whole elements."""
    while octets:
        assert octets[1:]
        start, size = 2, octets[1]
        if size & _LONG_FORM:
            start += size - _LONG_FORM
            size = int.from_bytes(octets[2:start], "big")
        assert octets[1] != _LONG_FORM
        assert start + size <= len(octets)
        yield octets[0], octets[start : start + size]
        octets = octets[start + size :]
