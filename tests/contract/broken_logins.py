"""Providers whose logins are wrong, each in one way."""

import re
import time
from typing import Any

from providers.interface import Denied, Overloaded, ProviderUnavailable
from services.provider_contract.accounts import Account
from tests.contract.acme import Acme, breaks, casefolded


@breaks("right_password_is_accepted", "roles must be a list, not a set")
class RolesAreASet(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"roles": set(account.roles)}


@breaks("right_password_is_accepted", "roles must be a list, not a tuple")
class RolesAreATuple(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"roles": account.roles}


@breaks("right_password_is_accepted", "email is missing")
class NoEmail(Acme):
    def user(self, account: Account) -> Any:
        return {"username": account.username, "roles": list(account.roles)}


@breaks("right_password_is_accepted", "has the username 'zoe@example.org', and the store has 'zoé'")
class EchoesTheLogin(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        user = super().authenticate(login, password)
        return user and user | {"username": login}


@breaks("right_password_is_accepted", "failed with KeyError: 'mail' at ")
class ReadsAMissingMember(Acme):
    def user(self, account: Account) -> Any:
        return {"username": account.username, "email": vars(account)["mail"], "roles": []}


@breaks("login_ignores_case", "with the right password is denied")
class CaseSensitiveLogin(Acme):
    def account(self, login: str) -> Account | None:
        return next((one for one in self.accounts if login in {one.username, one.email}), None)


@breaks("wrong_password_is_denied", "with the password of another account is accepted")
class AnyPasswordOfTheStore(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        return any(one.password == password for one in self.accounts)


@breaks("password_is_case_sensitive", "with the password in swapped case is accepted")
class CaseInsensitivePassword(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        return account.password.casefold() == password.casefold()


@breaks("password_is_not_truncated", "is accepted")
class TruncatedPassword(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        return account.password.encode()[:72] == password.encode()[:72]


@breaks("password_is_not_truncated", "with one character after the password is accepted")
class PasswordPrefix(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        return password.startswith(account.password)


@breaks("password_is_not_stripped", "with a space before the password is accepted")
class StrippedPassword(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        return account.password.strip() == password.strip()


@breaks("empty_password_is_denied", "with an empty password is accepted")
class AnonymousBind(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        return not password or super().is_right(account, password)


@breaks("huge_password_is_denied", "failed with ValueError at ")
class FailsOnLongPasswords(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        if len(password) > 512:
            raise ValueError(password)
        return super().is_right(account, password)


@breaks("non_ascii_password_is_denied", "failed with UnicodeEncodeError at ")
class Latin1Only(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        return super().is_right(account, password) or not password.encode("latin-1")


@breaks("unknown_login_is_denied", "returned an invalid user from authenticate: the value must be a dict, not a bool")
class DeniesWithFalse(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        return super().authenticate(login, password) or False


@breaks("unknown_login_is_denied", "is unavailable: no such user")
class DeniesWithAnOutage(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        if self.account(login) is None:
            raise ProviderUnavailable("no such user")
        return super().authenticate(login, password)


@breaks("wildcard_login_is_denied", "with the password of zoé is accepted as zoé")
class LikePattern(Acme):
    def account(self, login: str) -> Account | None:
        pattern = re.compile(re.escape(login.casefold()).replace("%", ".*").replace("_", "."))
        return super().account(login) or next((one for one in self.accounts if pattern.fullmatch(one.username)), None)


@breaks("wildcard_login_is_denied", "the login '*'")
class FilterInjection(Acme):
    def account(self, login: str) -> Account | None:
        return super().account(login) or (self.accounts[0] if "*" in login else None)


@breaks("part_of_a_username_is_denied", "is accepted as zoé")
class PartialMatch(Acme):
    def account(self, login: str) -> Account | None:
        return super().account(login) or next((one for one in self.accounts if login in one.username), None)


@breaks("email_that_is_a_username_of_another_is_theirs", "logs in with the username of another user")
class EmailFirst(Acme):
    def account(self, login: str) -> Account | None:
        by_email = next((one for one in self.accounts if casefolded(one)[1] == login.casefold()), None)
        return by_email or super().account(login)


@breaks("denial_has_a_valid_reason", "the reason of a denial is not one word: 'Wrong password for zoé'")
class WordyReason(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        return super().authenticate(login, password) or Denied(f"Wrong password for {login}")


@breaks("denial_has_a_valid_reason", "the reason of a wrong password is unknown_user")
class WrongReason(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        return super().authenticate(login, password) or Denied("unknown_user")


@breaks("unknown_login_is_denied", "is denied as wrong_password")
class SameReasonForAll(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        return super().authenticate(login, password) or Denied("wrong_password")


@breaks("concurrent_logins_get_their_own_answers", "concurrent logins got the answer of another one")
class SharedState(Acme):
    found: Account | None = None

    def account(self, login: str) -> Account | None:
        self.found = super().account(login)
        time.sleep(0.001)
        return self.found


@breaks("concurrent_logins_get_their_own_answers", "the provider raises Overloaded")
class OneConnection(Acme):
    is_busy = False

    def authenticate(self, login: str, password: str) -> Any:
        if self.is_busy:
            raise Overloaded("the only connection is in use")
        self.is_busy = True
        time.sleep(0.001)
        self.is_busy = False
        return super().authenticate(login, password)


@breaks("login_is_answered_in_time", "a login takes 0.")
class Slow(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        time.sleep(0.6)
        return super().authenticate(login, password)


@breaks("unknown_user_takes_as_long_as_a_wrong_password", "an unknown user is denied after ")
class HashesOnlyForKnownUsers(Acme):
    def is_right(self, account: Account, password: str) -> bool:
        time.sleep(0.02)
        return super().is_right(account, password)


@breaks("right_password_is_accepted", "roles must be a list, not a str")
class RolesAreAText(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"roles": ",".join(account.roles)}


@breaks("right_password_is_accepted", "roles must be a list, not None")
class NoRolesAreNone(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"roles": list(account.roles) or None}


@breaks("right_password_is_accepted", "zoé has the roles ['admin', 'admin', 'user', 'user'], and the store has")
class RolesTwice(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"roles": list(account.roles) * 2}


@breaks("right_password_is_accepted", "username must be text, not an int")
class UsernameIsANumber(Acme):
    def user(self, account: Account) -> Any:
        return super().user(account) | {"username": self.accounts.index(account)}


@breaks("wrong_password_is_denied_after_the_right_one", "with another password, after the right one, is accepted")
class CachesLogins(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        cache = vars(self).setdefault("cache", {})
        if login not in cache and (user := super().authenticate(login, password)):
            cache[login] = user
        return cache.get(login)


@breaks("denial_has_a_valid_reason", "the login 'zoé' with the right password is denied")
class LocksAfterOneFailure(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        failed = vars(self).setdefault("failed", set())
        user = None if login in failed else super().authenticate(login, password)
        return user or failed.add(login)


@breaks("email_of_another_domain_is_denied", "the login 'zoe@another.example'")
class IgnoresTheDomain(Acme):
    def account(self, login: str) -> Account | None:
        name = login.partition("@")[0]
        return super().account(login) or next((one for one in self.accounts if str(one.email).startswith(name)), None)


@breaks("denial_names_the_user_of_the_store", "the denial of the login zoe@example.org names zoe@example.org")
class DenialNamesTheLogin(Acme):
    def authenticate(self, login: str, password: str) -> Any:
        reason = "wrong_password" if self.account(login) else "unknown_user"
        return super().authenticate(login, password) or Denied(reason, login)


@breaks("unknown_login_is_denied", "failed with IndexError at ")
class FailsOnUnknownLogins(Acme):
    def account(self, login: str) -> Account | None:
        return [one for one in self.accounts if login.casefold() in casefolded(one)][0]  # noqa: RUF015 - the fault


@breaks("wildcard_login_is_denied", "failed with error at ")
class FailsOnWildcards(Acme):
    def account(self, login: str) -> Account | None:
        re.compile(login)
        return super().account(login)
