"""The rules about secrets: no representation, log line, output or user has a password or a secret of the settings."""

import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from services.password_removal import MIN_LENGTH
from services.provider_contract.outages import closed_port
from services.provider_contract.subject import Subject, require

WRONG = "a wrong password, which no account has"


def representation_has_no_secret(subject: Subject) -> None:
    """`repr` and `str` of the provider have no secret: both appear in tracebacks and in logs."""
    provider = subject.link.provider
    subject.accept(subject.accounts[0])
    require_no_secret(subject, (repr(provider), str(provider)), "repr(provider)", "Exclude it, or write a __repr__")


def log_has_no_secret(subject: Subject) -> None:
    """Neither log lines of any level nor the standard output have a password."""
    account = subject.accounts[0]
    with _captured() as output:
        subject.log_in(account.username, WRONG)
        subject.log_in("unknown", WRONG)
        subject.accept(account)
    remedy = "Do not log the arguments of a login, or what is sent to the store"
    require_no_secret(subject, [output.getvalue()], "a log line or the output of a login", remedy)


def user_has_no_secret(subject: Subject) -> None:
    """No member of the user has the password. A credential stamp must not help to guess it."""
    for account in subject.difficult():
        answer: object = subject.link.provider.authenticate(account.username, account.password)
        members = answer.items() if isinstance(answer, dict) else ()
        held = [str(name) for name, value in members if name != "username" and account.password in str(value)]
        require(not held, f"the user has the password in {', '.join(held)}", "Leave it out, or return a salted digest")


def exception_has_no_secret(subject: Subject) -> None:
    """The exception of an outage has no secret, and neither have its causes."""
    if subject.provider_at is None:
        return
    with closed_port() as port:
        provider = subject.provider_at(port)
        text = ""
        try:
            provider.authenticate(subject.accounts[0].username, subject.accounts[0].password)  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - the rules about outages require the right one
            text = "\n".join(_texts(error))
    require_no_secret(
        subject, [text], "the exception of an outage", "Raise ProviderUnavailable with a reason of your own"
    )


def require_no_secret(subject: Subject, texts: Iterable[str], where: str, remedy: str) -> None:
    """Raise BrokenContract if a text has a password or a secret of the settings."""
    passwords = [WRONG, *(account.password for account in subject.accounts)]
    for text in texts:
        found = [secret for secret in (*passwords, *subject.secrets) if len(secret) >= MIN_LENGTH and secret in text]
        kind = "a secret of the settings" if found and found[0] in subject.secrets else "a password"
        require(not found, f"{where} has {kind}", remedy)


def _texts(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r} {error.__dict__}"
        error = error.__cause__ or error.__context__


@contextmanager
def _captured() -> Iterator[io.StringIO]:
    """Yield what the block logs, at any level, and prints."""
    output, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = [logging.StreamHandler(output)]  # what has a password is written nowhere else
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(output), redirect_stderr(output):
            yield output
    finally:
        root.handlers = handlers
        root.setLevel(level)
