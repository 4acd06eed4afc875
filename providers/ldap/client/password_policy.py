"""The response control of the password policy (draft-behera-ldap-password-policy §6.2)."""

from pyasn1.codec.ber import decoder
from pyasn1.error import PyAsn1Error
from pyasn1.type.base import Asn1Type
from pyasn1.type.namedtype import NamedTypes, OptionalNamedType
from pyasn1.type.tag import Tag, tagClassContext, tagFormatConstructed, tagFormatSimple
from pyasn1.type.univ import Any, Enumerated, Sequence


def _tagged(kind: type[Asn1Type], number: int, tag_format: int) -> Asn1Type:
    tag_set = kind.tagSet.tagImplicitly(Tag(tagClassContext, tag_format, number))  # type: ignore[no-untyped-call]
    return kind(tagSet=tag_set)


_RESPONSE = Sequence(
    componentType=NamedTypes(
        OptionalNamedType("warning", _tagged(Any, 0, tagFormatConstructed)),
        OptionalNamedType("error", _tagged(Enumerated, 1, tagFormatSimple)),
    )
)


def policy_error(control_value: bytes) -> int | None:
    """Return the number of the error in the value of the control; `None` if it has none, or is malformed."""
    try:
        response, _ = decoder.decode(control_value, asn1Spec=_RESPONSE)
    except PyAsn1Error:
        return None
    return int(response["error"]) if response["error"].isValue else None
