"""The responses of a directory, read from the dictionaries of ldap3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ldap3.core.results import RESULT_CODES

from providers.ldap.client.attribute_types import short_name
from providers.ldap.client.protocol import PAGED_RESULTS


@dataclass(frozen=True)
class Entry:
    """An entry of the directory. Texts are as `text_of` returns them."""

    dn: str
    attributes: dict[str, list[bytes]]
    """By the short name of the attribute, in lower case, with its options."""

    @classmethod
    def read(cls, response: Mapping[str, Any]) -> "Entry":
        """Return the entry of a `searchResEntry` of ldap3."""
        attributes: dict[str, list[bytes]] = {}
        for name, values in response["raw_attributes"].items():
            attributes.setdefault(short_name(name), []).extend(values or ())
        return cls(text_of(response["raw_dn"]), attributes)

    def texts(self, attribute: str) -> list[str]:
        """Return the values of the attribute, in the server's order."""
        return [text_of(value) for value in self.attributes.get(short_name(attribute), ())]

    def values(self, attribute: str) -> list[bytes]:
        """Return the values of the attribute; if it has none, those with further options, such as `cn;lang-de`."""
        return self.attributes.get(short_name(attribute)) or self.all_values(attribute)

    def all_values(self, attribute: str) -> list[bytes]:
        """Return the values of the attribute with any further options or none, as a filter compares them.

        See RFC 4512 §2.5.2.1.
        """
        name, listed = short_name(attribute), self.attributes.items()
        return [value for key, values in listed if f"{key};".startswith(f"{name};") for value in values]

    def all_texts(self, attribute: str) -> list[str]:
        """Return `all_values` as texts."""
        return [text_of(value) for value in self.all_values(attribute)]

    def first(self, attribute: str) -> str | None:
        """Return the first value of the attribute; `None` if the entry has no value."""
        return next(iter(self.texts(attribute)), None)


@dataclass(frozen=True)
class Response:
    """The final response to a request."""

    code: int
    """The result code (RFC 4511 §4.1.9)."""
    diagnostic_message: str
    """The text of the server, which may be parsed but must not be shown."""
    controls: Mapping[str, bytes]
    """The values of the controls by OID. A control without a value is missing."""
    entries: Sequence[Entry] = ()
    cookie: bytes | None = None
    """What the request for the next page needs (RFC 2696): empty after the last page, `None` without pages."""
    references: Sequence[str] = ()
    """The URLs of other servers that have entries below the base DN of a search (RFC 4511 §4.5.3)."""

    @classmethod
    def read(cls, result: Mapping[str, Any], entries: Sequence[Entry], references: Sequence[str] = ()) -> "Response":
        """Return the response of a result of ldap3, with the entries that preceded it.

        Its `matchedDN`, its referrals and the criticality of its controls are ignored: the first two only explain a
        failure, and the third has no meaning in a response (RFC 4511 §4.1.11).
        """
        values = {oid: control["value"] for oid, control in result.get("controls", {}).items()}
        page = values.pop(PAGED_RESULTS, None)
        controls = {oid: value for oid, value in values.items() if isinstance(value, bytes)}
        return cls(result["result"], result["message"], controls, entries, page["cookie"] if page else None, references)

    @property
    def code_name(self) -> str:
        """The name of the result code, such as `invalidCredentials`, or its number if the name is not known."""
        return str(RESULT_CODES.get(self.code, self.code))


def text_of(value: bytes) -> str:
    """Return a value as text. Octets that are not UTF-8 become lone surrogates, so that two values never become one."""
    return value.decode("utf-8", "surrogateescape")
