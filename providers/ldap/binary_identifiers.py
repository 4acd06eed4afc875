"""Binary identifiers of Active Directory as text: GUIDs and SIDs."""

import re
import struct
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

_SID = re.compile(r"S-1-(\d{1,15})((?:-\d{1,10}){1,15})", re.ASCII | re.IGNORECASE)


class BinaryFormat(NamedTuple):
    """Conversions between the octets and the canonical text of an identifier. Both raise ValueError."""

    to_text: Callable[[bytes], str]
    to_octets: Callable[[str], bytes]


def sid_text(octets: bytes) -> str:
    """Return a SID as text, such as `S-1-5-21-1-2-3-500`. Its binary format is in [MS-DTYP] §2.4.2.2."""
    if len(octets) < 8 or octets[0] != 1 or len(octets) != 8 + 4 * octets[1]:  # noqa: PLR2004 - the header
        raise ValueError("is not a SID")
    parts = struct.unpack(f"<{octets[1]}I", octets[8:])
    return "-".join(map(str, ("S", 1, int.from_bytes(octets[2:8], "big"), *parts)))


def _sid_octets(text: str) -> bytes:
    match = _SID.fullmatch(text)
    if not match:
        raise ValueError("is not a SID")
    parts = [int(part) for part in match[2].split("-")[1:]]
    try:
        return struct.pack(f"<BB6s{len(parts)}I", 1, len(parts), int(match[1]).to_bytes(6, "big"), *parts)
    except (OverflowError, struct.error):
        raise ValueError("is not a SID") from None


BINARY_FORMATS = {
    "objectguid": BinaryFormat(lambda octets: str(UUID(bytes_le=octets)), lambda text: UUID(text).bytes_le),
    "objectsid": BinaryFormat(sid_text, _sid_octets),
}
"""The formats of attributes that are not text, by the name of the attribute in lower case."""
