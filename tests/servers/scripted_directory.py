"""An LDAP server with a few entries, which answers as a certain directory does, and not as OpenLDAP does."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from providers.ldap.client.dn import dn_key
from providers.ldap.client.protocol import PAGED_RESULTS
from tests.servers.ldap_messages import (
    BIND_RESPONSE,
    SEARCH_DONE,
    SEARCH_REFERENCE,
    control,
    element,
    elements,
    integer,
    message,
    octet_string,
    result,
)
from tests.servers.ldap_messages import entry as encoded_entry
from tests.servers.scripted_ldap import threaded_server

SUCCESS, SIZE_LIMIT_EXCEEDED, NO_SUCH_OBJECT, INVALID_CREDENTIALS = 0, 4, 32, 49

_BIND_REQUEST, _SEARCH_REQUEST, _PRESENT = 0x60, 0x63, 0x87

Attributes = Mapping[str, Sequence[str]]
Answer = tuple[int, str]
"""A result code with its diagnostic message."""


@dataclass(frozen=True)
class Search:
    """A search request."""

    base: str
    scope: int
    filter: tuple[int, bytes]
    """As it is encoded: its tag, and its contents."""
    attributes: tuple[str, ...]
    size_limit: int
    page_size: int = 0
    cookie: bytes = b""

    def selects(self, dn: str, attributes: Attributes) -> bool:
        """Return whether the search matches an entry."""
        below = dn.lower() == self.base.lower() or (self.scope == 2 and dn.lower().endswith(f",{self.base}".lower()))
        return (below or (self.scope == 2 and not self.base)) and matches(self.filter, attributes)


@dataclass
class Found:
    """The result of a search."""

    entries: Sequence[tuple[str, Attributes]] = ()
    code: int = SUCCESS
    text: str = ""
    cookie: bytes | None = None
    """The cookie of the next page; `None` without the control."""
    references: tuple[str, ...] = ()


class ScriptedDirectory:
    """The entries, and how the server answers. A subclass overrides what its directory does in another way."""

    def __init__(self, entries: Mapping[str, Attributes], passwords: Mapping[str, str]) -> None:
        """`passwords` are by DN. The entry with an empty DN is the root DSE."""
        self.entries = {
            dn: {name.lower(): [*values] for name, values in entry.items()} for dn, entry in entries.items()
        }
        self.passwords = {dn.lower(): password for dn, password in passwords.items()}
        self.binds: list[str] = []
        """The names that clients have bound as."""

    def bind(self, name: str, password: str) -> Answer:
        """Return the answer to a simple bind."""
        if not name and not password:
            return SUCCESS, ""
        return (SUCCESS, "") if self.passwords.get(name.lower()) == password else (INVALID_CREDENTIALS, "")

    def search(self, search: Search) -> Found:
        """Return the result of a search."""
        if search.base.lower() not in map(str.lower, self.entries):
            return Found(code=NO_SUCH_OBJECT)
        found = [(dn, entry) for dn, entry in self.entries.items() if search.selects(dn, entry)]
        if search.page_size:
            start = int(search.cookie or b"0")
            end = start + search.page_size
            return Found(found[start:end], cookie=str(end).encode() if end < len(found) else b"")
        if 0 < search.size_limit < len(found):
            return Found(found[: search.size_limit], SIZE_LIMIT_EXCEEDED)
        return Found(found)

    def values(self, search: Search, attributes: Attributes) -> dict[str, list[str]]:
        """Return the requested attributes of an entry."""
        names = {name.partition(";")[0].lower(): name for name in search.attributes}
        return {names[name]: [*values] for name, values in attributes.items() if name in names}


@contextmanager
def running(directory: ScriptedDirectory) -> Iterator[int]:
    """Run the server, and yield its port."""
    with threaded_server(partial(_serve, directory)) as port:
        yield port


def matches(condition: tuple[int, bytes], attributes: Attributes) -> bool:
    """Return whether an entry matches an encoded filter (RFC 4511 §4.5.1)."""
    tag, content = condition
    if tag == _PRESENT:
        return content.decode().lower() in attributes
    inner = elements(content)
    match tag:
        case 0xA0:
            return all(matches(part, attributes) for part in inner)
        case 0xA1:
            return any(matches(part, attributes) for part in inner)
        case 0xA2:
            return not matches(inner[0], attributes)
        case 0xA3:
            (_, name), (_, asserted) = inner
            values = attributes.get(name.decode().lower(), ())
            return any(_key(asserted.decode()) == _key(value) for value in values)
    raise NotImplementedError(tag)


def _key(value: str) -> object:
    return dn_key(value) if "=" in value else value.casefold()


def _serve(directory: ScriptedDirectory, client: socket.socket) -> None:
    with client, suppress(OSError):
        buffer = b""
        while received := client.recv(65536):
            try:
                requests = elements(buffer + received)
            except IndexError:  # the rest of the request has not arrived yet
                buffer += received
                continue
            buffer = b""
            for _, request in requests:
                (_, message_id), operation, *controls = elements(request)
                answers = _answers(directory, operation, controls)
                client.sendall(b"".join(message(int.from_bytes(message_id, "big"), *answer) for answer in answers))


def _answers(
    directory: ScriptedDirectory, operation: tuple[int, bytes], controls: list[tuple[int, bytes]]
) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield the operations that answer a request, with their controls."""
    tag, content = operation
    if tag == _BIND_REQUEST:
        _, (_, name), (_, password) = elements(content)
        directory.binds.append(name.decode())
        code, text = directory.bind(name.decode(), password.decode())
        yield result(BIND_RESPONSE, code, text=text), []
    elif tag == _SEARCH_REQUEST:
        sent = elements(controls[0][1]) if controls else []
        yield from _search_answers(directory, _search(elements(content), sent))


def _search(parts: list[tuple[int, bytes]], controls: list[tuple[int, bytes]]) -> Search:
    (_, base), (_, scope), _, (_, size_limit), _, _, condition, (_, names) = parts
    attributes = tuple(name.decode() for _, name in elements(names))
    search = Search(base.decode(), scope[0], condition, attributes, int.from_bytes(size_limit, "big"))
    for _, sent in controls:
        (_, oid), *_, (_, value) = elements(sent)
        if oid.decode() == PAGED_RESULTS:
            ((_, page),) = elements(value)
            (_, size), (_, cookie) = elements(page)
            search = replace(search, page_size=int.from_bytes(size, "big"), cookie=cookie)
    return search


def _search_answers(directory: ScriptedDirectory, search: Search) -> Iterator[tuple[bytes, list[bytes]]]:
    found = directory.search(search)
    for dn, attributes in found.entries:
        yield encoded_entry(dn, directory.values(search, attributes)), []
    for url in found.references:
        yield element(SEARCH_REFERENCE, octet_string(url.encode())), []
    page = element(0x30, integer(0), octet_string(found.cookie or b""))
    controls = [] if found.cookie is None else [control(PAGED_RESULTS, page)]
    yield result(SEARCH_DONE, found.code, text=found.text), controls
