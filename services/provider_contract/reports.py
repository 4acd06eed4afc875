"""The rules about `check`, `explain`, `list_users` and `list_roles`, which let commands look into the store."""

from config.text import casefold_name
from providers.interface import (
    UNKNOWN_USER,
    SupportsCheck,
    SupportsExplain,
    SupportsListRoles,
    SupportsListUsers,
    User,
)
from services.provider_calls import check_with, explain_with, list_roles_of, list_users_of
from services.provider_contract.secrecy import require_no_secret
from services.provider_contract.subject import Subject, answer_expected, require


def check_yields_findings(subject: Subject) -> None:
    """`check` yields findings of the documented shape, without a secret."""
    if isinstance(subject.link.provider, SupportsCheck):
        with answer_expected("check()"):
            findings = [*check_with(subject.link, subject.link.provider)]
        require(findings, "check() yields nothing", "Yield at least one finding, such as that the store responds")
        failed = next((one for one in findings if one.outcome == "failure"), None)
        found = f"check() reports the failure {failed.found!r}" if failed else ""
        require(not failed, found, "Correct the store of the test, or the finding")
        require_no_secret(subject, map(repr, findings), "a finding of check()", "Leave it out")


def explanation_is_that_of_the_login(subject: Subject) -> None:
    """`explain` returns the user whom the right password would authenticate."""
    provider = subject.link.provider
    if not isinstance(provider, SupportsExplain):
        return
    for account in subject.difficult():
        for login in subject.logins(account):
            user = subject.accept(account, login)
            with answer_expected(f"explain({login!r})"):
                explained = explain_with(subject.link, provider, login).user
            same = explained is not None and _shown(explained) == _shown(user)
            found = f"explain({login!r}) returns {'another user' if explained else 'no user'}, and the login succeeds"
            require(same, found, "Return what authenticate returns for the right password")
    with answer_expected("explain('unknown')"):
        unknown = explain_with(subject.link, provider, "unknown")
    found = f"explain returns {'a user' if unknown.user else f'the reason {unknown.reason}'} for an unknown login"
    require(unknown.user is None and unknown.reason == UNKNOWN_USER, found, "Return Explanation(None, 'unknown_user')")


def listed_users_are_those_who_can_log_in(subject: Subject) -> None:
    """`list_users` yields each account as a login returns it, and no disabled user."""
    if not isinstance(subject.link.provider, SupportsListUsers):
        return
    with answer_expected("list_users()"):
        listed = {casefold_name(user["username"]): user for user in list_users_of(subject.link, subject.link.provider)}
    for account in subject.accounts:
        same = listed.get(casefold_name(account.username))
        user = subject.log_in(account.username, account.password)
        found = f"list_users() {'has another user for' if same else 'does not have'} {account.username}"
        require(not user or (same and _shown(same) == _shown(user)), found, "Yield what authenticate returns")
    if subject.disabled:
        is_listed = casefold_name(subject.disabled.username) in listed
        found = f"list_users() has the disabled user {subject.disabled.username}"
        require(not is_listed, found, "Yield only the users who can log in now")


def listed_roles_include_those_of_the_users(subject: Subject) -> None:
    """`list_roles` returns every role that an account has."""
    if isinstance(subject.link.provider, SupportsListRoles):
        with answer_expected("list_roles()"):
            roles = list_roles_of(subject.link, subject.link.provider)
        missing = {role for account in subject.accounts for role in account.roles} - roles
        found = f"list_roles() does not have {', '.join(sorted(missing))}, which an account has"
        require(not missing, found, "Return every role that the store can give a user")


def _shown(user: User) -> tuple[str, str | None, list[str]]:
    return user["username"], user["email"], sorted(user["roles"])
