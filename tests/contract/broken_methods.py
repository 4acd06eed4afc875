"""Providers that reveal secrets, report an outage as a denial, or whose optional methods are wrong, each in one way."""

import logging
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from providers.interface import Check, Explanation
from services.provider_contract.accounts import SAMPLE_ACCOUNTS, Account
from tests.contract.acme import DISABLED, TOKEN, Acme, breaks


@breaks("representation_has_no_secret", "repr(provider) has a secret of the settings")
@dataclass
class DataclassWithAToken(Acme):
    token: str = TOKEN


@breaks("representation_has_no_secret", "repr(provider) has a password")
class RemembersTheLastLogin(Acme):
    last = ""

    def authenticate(self, login: str, password: str) -> Any:
        self.last = password
        return super().authenticate(login, password)

    def __repr__(self) -> str:
        return f"Acme({self.last!r})"


@breaks("log_has_no_secret", "a log line or the output of a login has a password")
class LogsItsArguments(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        logging.getLogger("acme").debug("POST %s", {"login": login, "password": password})
        return super().authenticate(login, password)


@breaks("log_has_no_secret", "a log line or the output of a login has a password")
class Prints(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        print(login, password)  # noqa: T201 - the fault
        return super().authenticate(login, password)


@breaks("user_has_no_secret", "in credential_stamp")
class PasswordAsStamp(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"credential_stamp": account.password}


@breaks("exception_has_no_secret", "the exception of an outage has a password")
class PasswordInTheUrl(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        try:
            return super().authenticate(login, password)
        except OSError as error:
            raise ConnectionError(f"https://acme.example.org/?login={login}&password={password}") from error


@breaks("unavailable_store_is_an_exception", "authenticate while the store refuses connections returns Denied(")
class OutageIsADenial(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        try:
            return super().authenticate(login, password)
        except OSError:
            return None


@breaks("unavailable_store_is_an_exception", "find while the store refuses connections returns None")
class OutageIsAnUnknownUser(Acme):
    def find(self, username: str) -> Any:
        try:
            return super().find(username)
        except OSError:
            return None


@breaks("unavailable_store_is_an_exception", "failed with RuntimeError at ")
class OutageIsAnotherException(Acme):
    def connect(self) -> None:
        try:
            super().connect()
        except OSError:
            raise RuntimeError from None


@breaks(
    "silent_store_is_an_exception_in_time",
    "authenticate has not returned while the store does not respond, and the limit is 0.5 s",
)
class NoTimeout(Acme):
    def connect(self) -> None:
        if self.port:
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                connection.recv(1)


@breaks("disabled_user_is_denied", "the disabled user retired can log in")
class AcceptsDisabledUsers(Acme):
    accounts = (*SAMPLE_ACCOUNTS, DISABLED)


@breaks("disabled_user_is_not_found", "find returns the disabled user retired")
class FindsDisabledUsers(Acme):
    def find(self, username: str) -> Any:
        return self.user(DISABLED) if username == DISABLED.username else super().find(username)


@breaks("disabled_user_keeps_their_username", "has_username is false for the disabled user retired")
class ForgetsDisabledUsers(Acme):
    def has_username(self, username: str) -> Any:
        return self.find(username) is not None


@breaks("find_returns_the_user_of_the_login", "find('zoé') differs from the login in roles")
class FindWithoutRoles(Acme):
    def find(self, username: str) -> Any:
        user = super().find(username)
        return user and user | {"roles": []}


@breaks("find_returns_the_session_members_of_the_login", "differs from the login in credential_stamp")
class StampOfTheMoment(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"credential_stamp": str(time.perf_counter_ns())}


@breaks("find_does_not_know_emails", "find('zoe@example.org') finds zoé by email")
class FindsByEmail(Acme):
    def find(self, username: str) -> Any:
        account = self.account(username)
        return self.user(account) if account else None


@breaks("find_does_not_know_others", "the provider failed with AttributeError: NoneType has no password at ")
class FailsOnUnknownUsers(Acme):
    def find(self, username: str) -> Any:
        account: Any = self.account(username)
        return self.user(account) if account.password else None


@breaks("has_username_ignores_case", "returned neither True nor False from has_username, but a dict")
class ReturnsTheRecord(Acme):
    def has_username(self, username: str) -> Any:
        return self.find(username)


@breaks("has_username_does_not_know_others", "has_username('unknown') is true")
class KnowsEverybody(Acme):
    def has_username(self, username: str) -> Any:
        return True


@breaks("check_yields_findings", "returned None from check, which must yield its results")
class CheckReturnsNothing(Acme):
    def check(self) -> Any:
        return None


@breaks("check_yields_findings", "outcome is invalid")
class CheckWithAnotherOutcome(Acme):
    def check(self) -> Iterator[Any]:
        outcome: Any = "error"
        yield Check("connection", outcome, "the store responds")


@breaks("check_yields_findings", "a finding of check() has a secret of the settings")
class CheckWithASecret(Acme):
    def check(self) -> Iterator[Any]:
        yield Check("connection", "ok", f"the store accepts {self.token}")


@breaks("check_reports_an_outage_as_a_finding", "check() raises an exception during an outage")
class CheckRaises(Acme):
    def check(self) -> Iterator[Any]:
        self.connect()
        yield Check("connection", "ok", "the store responds")


@breaks("explanation_is_that_of_the_login", "returns another user, and the login succeeds")
class ExplainsOtherRoles(Acme):
    def explain(self, login: str) -> Any:
        account = self.account(login)
        return Explanation(self.user(account) | {"roles": ["admin"]} if account else None, "unknown_user")


@breaks("listed_users_are_those_who_can_log_in", "list_users() has the disabled user retired")
class ListsDisabledUsers(Acme):
    def list_users(self) -> Any:
        return map(self.user, (*self.accounts, DISABLED))


@breaks("listed_roles_include_those_of_the_users", "list_roles() does not have admin, editor, which an account has")
class ListsFewRoles(Acme):
    def list_roles(self) -> Any:
        return ["user"]


@breaks("log_has_no_secret", "a log line or the output of a login has a password")
class LogsTheHeader(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        logging.getLogger("acme").debug("Authorization: Basic %s", b64encode(f"{login}:{password}".encode()).decode())
        return super().authenticate(login, password)


@breaks("log_has_no_secret", "a log line or the output of a login has a secret of the settings")
class LogsTheUrl(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        logging.getLogger("acme").info("GET https://acme.example.org/?key=%s", quote(self.token))
        return super().authenticate(login, password)


@breaks("user_has_no_secret", "a digest of it without a salt, in credential_stamp")
class UnsaltedStamp(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"credential_stamp": sha256(account.password.encode()).hexdigest()}


@breaks("record_ids_are_different", "zoé and o'brien have the same record_id")
class OneRecordId(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"record_id": "acme"}


@breaks("failing_store_is_an_exception", "authenticate while the store responds with an error returns Denied(")
class ErrorIsADenial(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        try:
            return super().authenticate(login, password)
        except ConnectionError:
            return None


@breaks("failing_store_is_an_exception", "list_users while the store responds with an error returns []")
class OutageIsAnEmptyList(Acme):
    def list_users(self) -> Any:
        try:
            return super().list_users()
        except OSError:
            return []


@breaks("silent_store_is_an_exception_in_time", "explain while the store does not respond returns Explanation(")
class OutageIsExplainedAsUnknown(Acme):
    def explain(self, login: str) -> Any:
        try:
            return super().explain(login)
        except OSError:
            return Explanation(None, "unknown_user")


@breaks("has_username_does_not_know_emails", "has_username('zoe@example.org') is true, and this is an email")
class KnowsEmails(Acme):
    def has_username(self, username: str) -> Any:
        return self.account(username) is not None or super().has_username(username)


@breaks("concurrent_lookups_get_their_own_answers", "concurrent lookups got the answer of another one")
class SharedLookup(Acme):
    found: Any = None

    def find(self, username: str) -> Any:
        self.found = super().find(username)
        time.sleep(0.001)
        return self.found
