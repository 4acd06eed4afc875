"""The shapes of what the methods of a provider return. The chain and the contract tests use the same definition."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from config.errors import validation_message
from config.text import NormalizedName, OpaqueText
from providers.interface import Check, CheckOutcome, Explanation, Membership, RuleResult, User
from services.provider_faults import InvalidAnswer

M = TypeVar("M", bound=BaseModel)

_EXPECTED = {
    "bool_type": "True or False",
    "dict_type": "a dict",
    "list_type": "a list",
    "model_type": "a dict",
    "string_type": "text",
}


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


class UserShape(_Shape):
    """A user as a provider returns it. Other members are ignored."""

    username: NormalizedName
    email: NormalizedName | None
    roles: list[NormalizedName]
    record_id: OpaqueText | None = None
    credential_stamp: OpaqueText | None = None

    def as_user(self) -> User:
        """Return the user. A record id or credential stamp of `None` counts as missing."""
        user = User(username=self.username, email=self.email, roles=self.roles)
        if self.record_id is not None:
            user["record_id"] = self.record_id
        if self.credential_stamp is not None:
            user["credential_stamp"] = self.credential_stamp
        return user


class _AttributeShape(_Shape):
    """An object of any class that has these attributes, since a provider does not need to import Latchkey."""

    model_config = ConfigDict(strict=True, from_attributes=True, hide_input_in_errors=True)


class _CheckShape(_AttributeShape):
    step: str
    outcome: CheckOutcome
    found: str
    remedy: str | None = None
    seconds: float = 0.0


class _MembershipShape(_AttributeShape):
    group: str
    via_group: str | None = None


Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]


class _RuleShape(_AttributeShape):
    rule: str
    roles: Texts
    matched: bool
    near_misses: Texts = ()


class _ExplanationShape(_AttributeShape):
    user: UserShape | None
    reason: str | None = None
    record: str | None = None
    groups: tuple[_MembershipShape, ...] = ()
    rules: tuple[_RuleShape, ...] = ()


_ROLES: TypeAdapter[list[str]] = TypeAdapter(
    list[NormalizedName], config=ConfigDict(hide_input_in_errors=True, defer_build=True)
)


def read_user(answer: object, method: str) -> User:
    """Return the user that a method has returned, with unchanged names. Raises InvalidAnswer."""
    return _validate(UserShape, answer, f"returned an invalid user from {method}").as_user()


def read_truth(answer: object, method: str) -> bool:
    """Return True or False. Raises InvalidAnswer for any other value, such as `None`."""
    if not isinstance(answer, bool):
        raise InvalidAnswer(f"returned neither True nor False from {method}, but {_kind(answer)}")
    return answer


def read_check(answer: object) -> Check:
    """Return the finding that `check` has yielded. Raises InvalidAnswer."""
    shape = _validate(_CheckShape, answer, "yielded an invalid finding from check")
    return Check(shape.step, shape.outcome, shape.found, shape.remedy, shape.seconds)


def read_explanation(answer: object) -> Explanation:
    """Return the explanation that `explain` has returned. Raises InvalidAnswer."""
    shape = _validate(_ExplanationShape, answer, "returned an invalid explanation from explain")
    return Explanation(
        shape.user.as_user() if shape.user else None,
        shape.reason,
        shape.record,
        tuple(Membership(one.group, one.via_group) for one in shape.groups),
        tuple(RuleResult(one.rule, one.roles, one.matched, one.near_misses) for one in shape.rules),
    )


def read_roles(answer: object) -> frozenset[str]:
    """Return the roles that `list_roles` has returned, in a set, a list or a tuple. Raises InvalidAnswer."""
    if not isinstance(answer, set | frozenset | list | tuple):
        raise InvalidAnswer(f"returned invalid roles from list_roles: the value must be a set, not {_kind(answer)}")
    try:
        return frozenset(_ROLES.validate_python([*answer]))
    except ValidationError as error:
        raise InvalidAnswer(f"returned invalid roles from list_roles: {_faults(error)}") from None


def iterate(answer: object, method: str) -> Iterator[object]:
    """Yield the values that a method yields. Raises InvalidAnswer if it has returned no iterable."""
    if not isinstance(answer, Iterable) or isinstance(answer, str | bytes | dict):
        raise InvalidAnswer(f"returned {_kind(answer)} from {method}, which must yield its results")
    yield from answer


def _validate(shape: type[M], answer: object, found: str) -> M:
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        raise InvalidAnswer(f"{found}: {_faults(error)}") from None


def _faults(error: ValidationError) -> str:
    return "; ".join(map(_fault, error.errors(include_url=False)))


def _fault(fault: Any) -> str:
    place = ".".join(map(str, fault["loc"])) or "the value"
    if expected := _EXPECTED.get(fault["type"]):
        return f"{place} must be {expected}, not {_kind(fault['input'])}"
    if fault["type"] == "model_attributes_type":
        return f"{place} must be an object of providers.interface, not {_kind(fault['input'])}"
    return f"{place} {validation_message(fault)}"


def _kind(value: object) -> str:
    """Return the type of the value, which says nothing about its content."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
