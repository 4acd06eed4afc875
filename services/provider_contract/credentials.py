"""The rules about right and wrong credentials."""

from itertools import permutations

from config.text import MAX_NAME_LENGTH, MAX_PASSWORD_LENGTH
from providers.interface import AMBIGUOUS, INVALID_REASON, UNKNOWN_USER, Denied
from services.provider_contract.accounts import Account
from services.provider_contract.subject import BrokenContract, Subject, require, require_right_answers

WILDCARDS = ("*", "%", "_", "*)(uid=*", "' OR '1'='1", "()", "\\", "*@*", "?", "^.*$", "${user}")
UNKNOWN_NAMES = ("unknown", "日本-unknown", "unknown 🙂", "n" * MAX_NAME_LENGTH, "ü" * MAX_NAME_LENGTH)


def right_password_is_accepted(subject: Subject) -> None:
    """The username and the email of an account log in, and the answer is the user of the account."""
    for account in subject.accounts:
        for login in subject.logins(account):
            user = subject.accept(account, login)
            for name, value in (("username", account.username), ("email", account.email)):
                found = f"the user of the login {login} has the {name} {user.get(name)!r}, and the store has {value!r}"
                require(user.get(name) == value, found, f"Return the {name} of the store, and not what was typed")
            found = (
                f"{account.username} has the roles {sorted(user['roles'])}, and the store has {sorted(account.roles)}"
            )
            require(sorted(user["roles"]) == sorted(account.roles), found, "Return the roles of the store")


def login_ignores_case(subject: Subject) -> None:
    """A login in upper or lower case is the same login, and does not change the username."""
    for account in subject.accounts:
        for login in subject.logins(account):
            for spelling in {login.upper(), login.swapcase()} - {login}:
                user = subject.accept(account, spelling)
                found = (
                    f"the login {spelling} returns the username {user['username']!r} instead of {account.username!r}"
                )
                require(user["username"] == account.username, found, "Return the username of the store")


def wrong_password_is_denied(subject: Subject) -> None:
    """The passwords of other accounts, and a wildcard, are denied."""
    others = (*subject.accounts[1:], subject.accounts[0])
    for account, other in zip(subject.accounts, others, strict=True):
        subject.deny(account, {other.password: "the password of another account", "*": "the password *"})


def wrong_password_is_denied_after_the_right_one(subject: Subject) -> None:
    """A login with the right password does not let a wrong one in, as a cache of logins would."""
    for account in subject.difficult():
        subject.accept(account)
        subject.deny(account, {f"{account.password}-": "another password, after the right one,"})


def password_is_case_sensitive(subject: Subject) -> None:
    """A password in other upper and lower case is denied."""
    for account in subject.difficult():
        subject.deny(account, {account.password.swapcase(): "the password in swapped case"})


def password_is_not_truncated(subject: Subject) -> None:
    """A password with more characters, or with fewer, is denied."""
    for account in subject.difficult():
        longer = {f"{account.password}x": "one character after the password"}
        shorter = {
            account.password[:72]: "72 characters",
            account.password[:-1]: "all but one character of the password",
        }
        subject.deny(account, longer | {password: what for password, what in shorter.items() if password})


def password_is_not_stripped(subject: Subject) -> None:
    """Whitespace around a password is a part of it."""
    for account in subject.difficult():
        added = {f" {account.password}": "a space before the password", f"{account.password} ": "a space after it"}
        subject.deny(account, added | {account.password.strip(): "the password without its spaces"})


def empty_password_is_denied(subject: Subject) -> None:
    """An empty password is denied. Some directories accept it as an anonymous login."""
    for account in subject.difficult():
        subject.deny(account, {"": "an empty password"})


def huge_password_is_denied(subject: Subject) -> None:
    """The longest password that Latchkey passes on is denied, and is not an error."""
    huge = {character * MAX_PASSWORD_LENGTH: f"{MAX_PASSWORD_LENGTH} characters {character}" for character in "x日🙂"}
    subject.deny(subject.accounts[0], huge)


def non_ascii_password_is_denied(subject: Subject) -> None:
    """A wrong password of any script is denied, and is not an error."""
    for password in "пароль", "密码🙂", "ß\u200bzero width":
        subject.deny(subject.accounts[0], {password: "a wrong password that is not ASCII"})


def unknown_login_is_denied(subject: Subject) -> None:
    """A login that no account has is denied, however long it is, and in any script."""
    for login in UNKNOWN_NAMES:
        _deny_unknown(subject, login)


def wildcard_login_is_denied(subject: Subject) -> None:
    """Wildcards of SQL, LDAP, shells and regular expressions are plain characters in a login."""
    first = subject.accounts[0]
    prefix = first.username[:2]
    partial = (f"{prefix}*", f"{prefix}%", f"*{first.username[-2:]}", f"{first.username[:-1]}_", f"{first.username}*")
    injected = (f"{first.username})(uid=*", f"{first.username}' --", f"{first.username}\\00")
    for login in (*WILDCARDS, *partial, *injected):
        _deny_unknown(subject, login)


def part_of_a_username_is_denied(subject: Subject) -> None:
    """A login is compared with whole names."""
    for account in subject.difficult():
        for login in (account.username[:-1], account.username[1:], f"{account.username}x"):
            if login.strip() == login and login:
                _deny_unknown(subject, login, account)


def email_of_another_domain_is_denied(subject: Subject) -> None:
    """The domain is a part of an email, and so is everything before it."""
    for account in subject.difficult():
        if account.email and "@" in account.email:
            name, _, domain = account.email.rpartition("@")
            for login in (f"{name}@another.example", f"{name}@{domain}.example", f"{name}@", f"{name}+x@{domain}"):
                _deny_unknown(subject, login, account)


def email_that_is_a_username_of_another_is_theirs(subject: Subject) -> None:
    """A login that is the username of one user and the email of another means the first one, or no user."""
    for account, other in permutations(subject.accounts, 2):
        if other.email and other.email.casefold() == account.username.casefold():
            answer = subject.log_in(other.email, other.password)
            remedy = "A username takes precedence over an email, or deny the login as ambiguous"
            require(not answer, f"{other.username} logs in with the username of another user", remedy)
            answer = subject.log_in(account.username, account.password)
            is_ambiguous = isinstance(answer, Denied) and answer.reason in {AMBIGUOUS, UNKNOWN_USER}
            found = f"{account.username} cannot log in, because their username is the email of another user"
            require(is_ambiguous or (answer and answer["username"] == account.username), found, remedy)


def denial_has_a_valid_reason(subject: Subject) -> None:
    """A reason is one word. A wrong password is not `unknown_user`, with which a chain asks the next provider."""
    account = subject.accounts[0]
    raw = subject.link.provider.authenticate(account.username, f"{account.password}-wrong")
    answer = subject.log_in(account.username, f"{account.password}-wrong")
    subject.accept(account)
    if isinstance(raw, Denied) and isinstance(answer, Denied):
        remedy = "Give one word of a-z, 0-9 and _, such as wrong_password"
        require(answer.reason != INVALID_REASON, f"the reason of a denial is not one word: {raw.reason!r}", remedy)
        remedy = "Give the reason wrong_password"
        require(answer.reason != UNKNOWN_USER, "the reason of a wrong password is unknown_user", remedy)


def denial_names_the_user_of_the_store(subject: Subject) -> None:
    """The username of a denial is that of the store, whichever login was typed, and an unknown login has none."""
    account = subject.accounts[0]
    for login in (*subject.logins(account), account.username.swapcase()):
        answer = subject.log_in(login, f"{account.password}-wrong")
        subject.accept(account)
        named = answer.username if isinstance(answer, Denied) else None
        found = f"the denial of the login {login} names {named}, and the store has {account.username}"
        remedy = "Give the username of the store, so that the failures with each login are counted together, or none"
        require(named in {None, account.username}, found, remedy)
    unknown = subject.log_in("unknown", account.password)
    is_named = isinstance(unknown, Denied) and unknown.username is not None
    require(not is_named, "the denial of an unknown login names a user", "Leave the username out for an unknown login")


def concurrent_logins_get_their_own_answers(subject: Subject) -> None:
    """Logins run in many threads: none gets the answer of another."""
    known = [(login, account) for account in subject.accounts for login in subject.logins(account)]

    def is_right(number: int) -> bool:
        login, account = known[number % len(known)]
        if number % 3 == 0:
            return not subject.log_in(f"unknown-{number}", account.password)
        answer = subject.log_in(login, account.password)
        return not isinstance(answer, Denied) and answer["username"] == account.username

    require_right_answers(is_right, "logins")


def _deny_unknown(subject: Subject, login: str, account: Account | None = None) -> None:
    if subject.is_known(login):
        return
    answer = subject.log_in(login, (account or subject.accounts[0]).password)
    if not isinstance(answer, Denied):
        found = f"the login {login!r} with the password of {answer['username']} is accepted as {answer['username']}"
        raise BrokenContract(found, "Compare whole names, and escape what the user has typed")
    remedy = "Return None, or Denied('unknown_user')"
    require(answer.reason == UNKNOWN_USER, f"the unknown login {login!r} is denied as {answer.reason}", remedy)
