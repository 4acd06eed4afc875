"""Answers of providers are validated: an invalid user is their fault, and none forges a claim or a log line."""

from typing import Any

import pytest

from providers.interface import Denied
from services.provider_faults import ProviderFault
from tests.support.scripted_stores import KNOWN, Store, chain, reason

NOT_A_NAME = "must be a valid name in Unicode NFC, without surrounding whitespace"


@pytest.mark.parametrize(
    ("answer", "member"),
    [
        ({**KNOWN, "username": 7}, "username must be text, not an int"),
        ({**KNOWN, "username": ""}, f"username {NOT_A_NAME}"),
        ({**KNOWN, "username": "\0hunter2"}, f"username {NOT_A_NAME}"),
        ({**KNOWN, "username": "hunter2" * 50}, f"username {NOT_A_NAME}"),
        ({**KNOWN, "email": ["hunter2"]}, "email must be text, not a list"),
        ({**KNOWN, "roles": "hunter2"}, "roles must be a list, not a str"),
        ({**KNOWN, "roles": {"hunter2"}}, "roles must be a list, not a set"),
        ({**KNOWN, "roles": ["user", b"hunter2"]}, "roles.1 must be text, not a bytes"),
        ({**KNOWN, "roles": [""]}, f"roles.0 {NOT_A_NAME}"),
        ({"username": "hunter2", "roles": []}, "email is missing"),
        ({}, "username is missing; email is missing; roles is missing"),
        ({**KNOWN, "record_id": 5}, "record_id must be text, not an int"),
        ({**KNOWN, "record_id": ""}, "record_id must not be empty"),
        (
            {**KNOWN, "credential_stamp": "a\0b"},
            "credential_stamp must not contain control characters or lone surrogates",
        ),
        ({**KNOWN, "credential_stamp": b"stamp"}, "credential_stamp must be text, not a bytes"),
        (False, "the value must be a dict, not a bool"),
        (["hunter2"], "the value must be a dict, not a list"),
    ],
)
def test_invalid_answer_of_a_provider_is_an_error_without_its_values(answer: object, member: str) -> None:
    with pytest.raises(ProviderFault) as caught:
        chain(Store(answer=answer)).authenticate("zoé", "x")
    assert (
        str(caught.value)
        == f"the provider a ({Store.__module__}.Store) returned an invalid user from authenticate: {member}"
    )


@pytest.mark.parametrize("name", ["kim ", "\u3000kim", "jose\u0301", "kim\n", "\ufa19"])
def test_two_records_do_not_become_one_user_by_normalization(name: str) -> None:
    for member, value in {"username": name, "email": name, "roles": [name]}.items():
        with pytest.raises(ProviderFault, match=rf"authenticate: {member}"):
            chain(Store(answer={**KNOWN, member: value})).authenticate("zoé", "x")


def test_two_record_ids_do_not_become_one_by_normalization() -> None:
    answer = chain(Store(answer={**KNOWN, "record_id": "e\u0301"})).authenticate("zoé", "x")
    assert isinstance(answer, dict)
    assert answer["record_id"] == "e\u0301"


@pytest.mark.parametrize(
    "text", ["x\nINFO login accepted by static", "no such user", "", "Locked", "x" * 65, "\x1b[2J", None, 7, ["x"]]
)
def test_reason_of_a_provider_cannot_forge_a_log_line(text: Any) -> None:
    assert reason(chain(Store(answer=Denied(text))).authenticate("zoé", "x")) == "invalid_reason"


@pytest.mark.parametrize("username", [5, b"zoe", ["zoe"], object()])
def test_username_of_a_denial_that_is_not_text_is_dropped(username: Any) -> None:
    denied = chain(Store(answer=Denied("wrong_password", username))).authenticate("zoé", "x")
    assert isinstance(denied, Denied)
    assert (denied.reason, denied.username) == ("wrong_password", None)


def test_additional_members_of_an_answer_are_removed() -> None:
    more = {**KNOWN, "idp": "forged", "is_admin": True}
    assert chain(Store(answer=more)).authenticate("x", "x") == {**KNOWN, "idp": "a"}


def test_record_id_and_credential_stamp_of_none_count_as_missing() -> None:
    answer = {**KNOWN, "record_id": None, "credential_stamp": None}
    assert chain(Store(answer=answer)).authenticate("x", "x") == {**KNOWN, "idp": "a"}
