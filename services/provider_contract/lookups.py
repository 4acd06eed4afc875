"""The rules about `find` and `has_username`, and about a disabled user."""

from collections.abc import Iterable, Iterator

from providers.interface import SESSION_MEMBERS, Denied, SupportsFind, SupportsHasUsername
from services.identity import Identity
from services.provider_calls import find_with, has_username
from services.provider_contract.accounts import Account
from services.provider_contract.credentials import UNKNOWN_NAMES, WILDCARDS
from services.provider_contract.subject import Subject, answer_expected, require, require_right_answers, shorten


def find_returns_the_user_of_the_login(subject: Subject) -> None:
    """`find` returns the same user as a login, ignoring case."""
    for account in subject.accounts:
        user = subject.log_in(account.username, account.password)
        for spelling in _spellings(account):
            found = _find(subject, spelling)
            remedy = "Look the username up as in a login, ignoring case"
            require(found, f"find({spelling!r}) does not find {account.username}", remedy)
            if found and user:
                differing = _differing({*found, *user} - SESSION_MEMBERS, found, user)
                text = f"find({spelling!r}) differs from the login in {differing}"
                require(not differing, text, "Return the user of the store from both")


def find_returns_the_session_members_of_the_login(subject: Subject) -> None:
    """`find` and a login return the same record id and the same credential stamp. Otherwise each refresh fails."""
    for account in subject.difficult():
        user, found = subject.log_in(account.username, account.password), _find(subject, account.username)
        if user and found:
            differing = _differing(SESSION_MEMBERS, found, user)
            text = f"find({account.username!r}) differs from the login in {differing}"
            require(not differing, text, "Return both members from both methods, or from none")


def find_does_not_know_emails(subject: Subject) -> None:
    """`find` looks up usernames only."""
    for account in subject.accounts:
        if account.email in subject.logins(account):
            found = _find(subject, account.email)
            require(
                not found, f"find({account.email!r}) finds {account.username} by email", "Compare the username only"
            )


def find_does_not_know_others(subject: Subject) -> None:
    """`find` returns `None` for a username that no account has, also for wildcards."""
    for name in _unknown_names(subject):
        require(not _find(subject, name), f"find({shorten(name)}) returns a user", "Return None, and escape wildcards")


def concurrent_lookups_get_their_own_answers(subject: Subject) -> None:
    """Refreshes call `find` in many threads: none gets the answer of another."""

    def is_right(number: int) -> bool:
        if number % 3 == 0:
            return not _find(subject, f"unknown-{number}")
        account = subject.accounts[number % len(subject.accounts)]
        user = _find(subject, account.username)
        return user is not None and user["username"] == account.username

    require_right_answers(is_right, "lookups")


def has_username_ignores_case(subject: Subject) -> None:
    """`has_username` is true for each account."""
    for account in subject.accounts:
        for spelling in _spellings(account):
            found = f"has_username({spelling!r}) is false, and the store has {account.username}"
            require(_has(subject, spelling), found, "Look the username up as in a login, ignoring case")


def has_username_does_not_know_emails(subject: Subject) -> None:
    """`has_username` is false for an email that is not a username."""
    for account in subject.accounts:
        if account.email in subject.logins(account):
            found = f"has_username({account.email!r}) is true, and this is an email"
            require(not _has(subject, account.email), found, "Compare the username only")


def has_username_does_not_know_others(subject: Subject) -> None:
    """`has_username` is false for a username that no account has, also for wildcards."""
    for name in _unknown_names(subject):
        require(not _has(subject, name), f"has_username({shorten(name)}) is true", "Return False, and escape wildcards")


def record_ids_are_different(subject: Subject) -> None:
    """No two accounts have the same record id. Otherwise a session passes to the next user of a username."""
    owners: dict[str, str] = {}
    for account in subject.accounts:
        user = subject.log_in(account.username, account.password)
        record_id = None if isinstance(user, Denied) else user.get("record_id")
        if record_id is not None:
            owner = owners.setdefault(record_id, account.username)
            found = f"{owner} and {account.username} have the same record_id"
            require(owner == account.username, found, "Return an id of the record that no other one ever has, or none")


def disabled_user_is_denied(subject: Subject) -> None:
    """A disabled user cannot log in with the right password."""
    if subject.disabled:
        answer = subject.log_in(subject.disabled.username, subject.disabled.password)
        found = f"the disabled user {subject.disabled.username} can log in"
        require(not answer, found, "Return None, or Denied('disabled')")


def disabled_user_is_not_found(subject: Subject) -> None:
    """`find` returns `None` for a disabled user, whose sessions then end."""
    if subject.disabled:
        found = f"find returns the disabled user {subject.disabled.username}"
        require(not _find(subject, subject.disabled.username), found, "Return None for a disabled user")


def disabled_user_keeps_their_username(subject: Subject) -> None:
    """`has_username` is true for a disabled user, so that no later provider has a user of the same name."""
    if subject.disabled:
        found = f"has_username is false for the disabled user {subject.disabled.username}"
        remedy = "Return True for every record, also if it is disabled, locked or expired"
        require(_has(subject, subject.disabled.username), found, remedy)


def _spellings(account: Account) -> tuple[str, ...]:
    return account.username, account.username.upper(), account.username.swapcase()


def _unknown_names(subject: Subject) -> Iterator[str]:
    for name in (*UNKNOWN_NAMES, *WILDCARDS, f"{subject.accounts[0].username[:2]}*"):
        if not subject.is_known(name):
            yield name


def _differing(members: Iterable[str], found: Identity, user: Identity) -> str:
    """Return the names of the members in which the users differ, comma-separated."""
    return ", ".join(name for name in sorted(members) if found.get(name) != user.get(name))


def _find(subject: Subject, username: str) -> Identity | None:
    provider = subject.link.provider
    with answer_expected(f"find({shorten(username)})"):
        return find_with(subject.link, provider, username) if isinstance(provider, SupportsFind) else None


def _has(subject: Subject, username: str) -> bool:
    with answer_expected(f"has_username({shorten(username)})"):
        return isinstance(subject.link.provider, SupportsHasUsername) and has_username(subject.link, username)
